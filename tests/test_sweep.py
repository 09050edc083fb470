"""`build.py sweep`: a small grid end to end, taken up again, a point that fails; wrong input; Ctrl-C; a scheduler."""

import json
import os
import shutil
import signal

import psutil
import pytest
import torch

import build
from a2qplus_train import TrainConfig, pretrain, train
from flows.errors import ConfigError
from flows.sweep.plan import Request, points
from flows.sweep.row import ALL_COLUMNS, COLUMNS, sparsity
from tests.sweep.helpers import TINY, running, same, scheduler_and_workers, start, table, wait_for

GRID = ("--accumulator-bits", "8,11", "--methods", "a2q+,qat", "--seeds", "2", "--stop-step", "train")
NAMES = ("a2q+_P8_seed3", "a2q+_P8_seed4", "a2q+_P11_seed3", "a2q+_P11_seed4", "qat_seed3", "qat_seed4")

pytestmark = pytest.mark.xdist_group("sweep")


def run(capfd, *arguments):
    """Exit code and everything printed of `build.py ARGUMENTS`, by this process and its workers."""
    capfd.readouterr()
    code = build.main([str(a) for a in arguments])
    printed = capfd.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return code, printed.out, printed.err


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def swept(config):
    """The folder of the small sweep, run once."""
    out = config.parent / "out"
    assert build.main(["sweep", str(config), *GRID, "-o", str(out)]) == 0
    return out


def test_the_table_has_a_row_for_every_point_and_what_each_training_measured(swept):
    rows = table(swept)
    assert (swept / "results.csv").read_text().splitlines()[0] == ",".join(ALL_COLUMNS)
    found = [(r["method"], r["accumulator_bits"], r["seed"]) for r in rows]
    assert found == [(m, p, s) for m, p in (("a2q+", "8"), ("a2q+", "11"), ("qat", "")) for s in "34"]
    assert sorted(p.name for p in (swept / "points").iterdir()) == sorted(NAMES)
    for r, name in zip(rows, NAMES, strict=True):
        training = json.loads((swept / "points" / name / "train" / "training.json").read_text())
        assert training["method"] == r["method"] and str(training["seed"]) == r["seed"]
        assert float(r["quant_metric"]) == training["quant_metric"] and r["metric"] == "accuracy"
        late = [h for h in training["history"] if h["phase"] == "quantized" and h["epoch"] == 2]
        assert float(r["validation_metric"]) == late[0]["validation_accuracy"] and r["float_validation"] != ""
        assert r["error"] == r["LUT"] == r["verified"] == r["policy"] == ""
    sparse = [float(r["sparsity"]) for r in rows]
    assert max(sparse[2:4]) < min(sparse[:2]), "a narrower accumulator forces zeros"


def test_the_float_network_is_trained_once_a_seed(swept):
    assert len(list((swept / "float").glob("*/float.pt"))) == 2
    floats = {r["seed"]: r["float_metric"] for r in table(swept)}
    assert all(r["float_metric"] == floats[r["seed"]] for r in table(swept))


def test_a_point_is_what_train_gives_alone(swept, config, capfd):
    code, _, err = run(
        capfd, "train", config, "-o", config.parent / "alone", "--set", "train.accumulator_bits=8",
        "--set", "train.seed=4",
    )  # fmt: skip
    assert code == 0, err
    for name in ("model.onnx", "vectors.npz", "training.json"):
        alone = (config.parent / "alone" / "train" / name).read_bytes()
        assert alone == (swept / "points" / "a2q+_P8_seed4" / "train" / name).read_bytes(), name


def test_a_deleted_point_is_run_again_a_failing_one_is_listed_and_the_others_are_kept(swept, config, capfd, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(swept, out)
    kept = {name: (out / "points" / name / "train" / "model.onnx").stat().st_mtime_ns for name in NAMES}
    shutil.rmtree(out / "points" / NAMES[0])
    shutil.rmtree(out / "points" / NAMES[5])
    (out / "points" / NAMES[5]).write_text("in the way")
    code, text, err = run(capfd, "sweep", config, *GRID, "-o", out)
    assert code == 1 and "6 points, 4 of them reused" in text
    assert "1 of 6 points failed" in err and f"{NAMES[5]}: " in err and "is a file" in err
    before, after = table(swept), table(out)
    unchanged = [key for key in COLUMNS if key not in ("seconds", "error")]
    for old, new in zip(before[:5], after[:5], strict=True):
        assert [old[key] for key in unchanged] == [new[key] for key in unchanged] and new["error"] == ""
    assert "is a file" in after[5]["error"] and after[5]["quant_metric"] == ""
    assert "Points that failed" in (out / "index.html").read_text()
    for name in NAMES[1:5]:
        assert (out / "points" / name / "train" / "model.onnx").stat().st_mtime_ns == kept[name]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--accumulator-bits", "8", "--methods", "a2qq"], "--methods: unknown value 'a2qq'; did you mean 'a2q'"),
        (["--accumulator-bits", "2"], "point a2q+_P2_seed3"),
        (["--accumulator-bits", "8,,9"], "--accumulator-bits 8,,9"),
        (["--accumulator-bits", "8,x"], "'x' is not a positive whole number"),
        (["--accumulator-bits", "-1"], "--accumulator-bits"),
        (["--methods", "qat,a2q"], "--accumulator-bits is missing"),
        (["--accumulator-bits", "8", "--activation-bits", "9"], "activation_bits"),
        (["--accumulator-bits", "8", "--seeds", "0"], "--seeds"),
        (["--accumulator-bits", "8", "--stop-step", "emit"], "--stop-step emit"),
        (["--accumulator-bits", "8", "--stop-step", "train", "--boards", "pynq-z2"], "--boards"),
        (["--accumulator-bits", "8", "--policies", "exakt"], "did you mean 'exact'"),
        (["--accumulator-bits", "8", "--boards", "pynq-z9"], "pynq-z9"),
        (["--accumulator-bits", "8", "--set", "train=null", "--set", "model=x.onnx"], "no 'train' section"),
        (["--accumulator-bits", "8", "--set", "stop_step=train"], "stop_step"),
        (["--accumulator-bits", "8", "--set", "train.epoch=1"], "train.epoch"),
        (["--accumulator-bits", "8", "--skip-zeros", "maybe"], "--skip-zeros: unknown value 'maybe'"),
        (["--accumulator-bits", "8", "--stop-step", "train", "--skip-zeros", "yes"], "--skip-zeros decides"),
        (["--accumulator-bits", "8", "--trials", "3"], "--trials"),
        (["--accumulator-bits", "8", "--scheduler", "slrum"], "did you mean 'slurm'"),
        (["--accumulator-bits", "8", "--job", "queue=long"], "--job queue=long: only with --scheduler slurm"),
        (["--accumulator-bits", "8", "--scheduler", "tcp://127.0.0.1:1", "--workers", "2"], "has its own"),
        (["--accumulator-bits", "8", "--workers", "0"], "--workers"),
        (["--accumulator-bits", "8", "--optimize", "min LUTs"], "unknown name 'LUTs'; did you mean 'LUT'"),
        (["--optimize", "min LUT"], "--accumulator-bits is missing"),
        (["--accumulator-bits", "8", "--methods", "qat", "--optimize", "min LUT"], "which qat has none of"),
    ],
)
def test_wrong_input_is_one_message_before_any_work(config, capfd, tmp_path, arguments, said):
    try:
        code, text, err = run(capfd, "sweep", config, *arguments, "-o", tmp_path / "out")
    except SystemExit as usage:
        code, text, err = usage.code, "", capfd.readouterr().err
    assert code == 2 and said in err and text == ""
    assert not (tmp_path / "out").exists()


def test_a_wrong_scheduler_is_the_users_fault(config, capfd, tmp_path, monkeypatch):
    monkeypatch.setattr("flows.sweep.cluster.CONNECT_SECONDS", 1)
    code, _, err = run(capfd, "sweep", config, *GRID, "--scheduler", "tcp://127.0.0.1:1", "-o", tmp_path / "out")
    assert code == 2 and "no Dask scheduler answers there" in err


def test_the_grid_of_builds(config):
    request = Request(
        config, accumulator_bits=(8, 9), methods=("a2q+", "qat"), policies=("exact", "trained"), boards=("none",),
        activation_bits=(3, 4),
    )  # fmt: skip
    grid = points(request)
    assert len(grid) == len({p.name for p in grid}) == 2 * 2 * 2 + 2, "qat has neither a P nor the policy 'trained'"
    for p in grid:
        train = p.training
        assert train.method == p.name.split("_")[0] and f"_N{train.activation_bits}_" in p.name
        assert f"_P{train.accumulator_bits}_" in p.name or (train.method, train.accumulator_bits) == ("qat", None)
        assert p.folder.name == p.name and p.config.accumulator_policy in p.name and p.config.board == "none"
    assert len({p.training_name for p in grid}) == 6
    more = points(Request(config, accumulator_bits=(8,), weight_bits=(3, 4), skip_zeros=("no", "yes")))
    assert [(p.training.weight_bits, p.config.skip_zeros) for p in more] == [
        (3, False), (4, False), (3, True), (4, True)
    ]  # fmt: skip


def test_the_grid_of_a_network_that_was_trained_elsewhere(config, tmp_path):
    path = tmp_path / "given.yaml"
    path.write_text("name: given\nmodel: somewhere.onnx\n")
    grid = points(Request(path, policies=("fixed-32", "exact"), boards=("pynq-z2", "zcu104")))
    assert [p.name for p in grid] == [
        f"model_{policy}_{board}" for policy in ("fixed-32", "exact") for board in ("pynq-z2", "zcu104")
    ]
    assert {p.training for p in grid} == {None} and {p.training_name for p in grid} == {"model"}
    for more, option in (({"methods": ("qat",)}, "--methods"), ({"seeds": 2}, "--seeds")):
        with pytest.raises(ConfigError, match=f"{option} is of trainings"):
            points(Request(path, **more))


def test_sparsity_weighs_layers_by_their_weights():
    assert sparsity([{"sparsity": 0.5, "weights": 30}, {"sparsity": 0.0, "weights": 10}]) == 0.375


def test_a_float_checkpoint_of_another_network_is_refused(tmp_path):
    config = TrainConfig(model="mlp", hidden=(12,), float_epochs=0, epochs=0)
    pretrain(config, tmp_path / "float.pt")
    other = config.model_copy(update={"hidden": (13,)})
    with pytest.raises(ConfigError, match=r"trained with hidden = \[12\], the configuration says \[13\]"):
        train(other, tmp_path / "out", float_checkpoint=tmp_path / "float.pt")
    assert not (tmp_path / "out").exists()
    torch.save({"model": {}}, tmp_path / "bad.pt")
    for name, said in (("bad.pt", "no float checkpoint of this project"), ("none.pt", "no float checkpoint")):
        with pytest.raises(ConfigError, match=said):
            train(config, tmp_path / "out", float_checkpoint=tmp_path / name)
    (tmp_path / "text.pt").write_text("not torch")
    with pytest.raises(ConfigError, match="is no float checkpoint"):
        train(config, tmp_path / "out", float_checkpoint=tmp_path / "text.pt")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_sweep_leaves_no_process_and_goes_on_where_it_was(config, tmp_path, number):
    long = ["build.py", "sweep", str(config), *GRID, "-o", str(tmp_path / "out")]
    process = start(*long, "--set", "train.epochs=30")
    wait_for(lambda: list((tmp_path / "out" / "points").glob("*/result.json")))
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
        text, _ = process.communicate(timeout=60)
        assert "interrupted" in text and "Traceback" not in text and process.returncode == 130
    else:
        process.kill()
        process.wait()
    wait_for(lambda: not running(children), 30)
    assert not (tmp_path / "out" / "results.csv").exists(), "no table that looks complete"
    again = start(*long, "--set", "train.epochs=30")
    text, _ = again.communicate(timeout=300)
    assert again.returncode == 0, text
    assert len(table(tmp_path / "out")) == len(NAMES) and " 0 of them reused" not in text
    assert not list((tmp_path / "out").rglob(".train.*"))


@pytest.mark.slow
def test_a_scheduler_and_workers_of_its_own_give_the_same_table(config, swept, capfd, tmp_path):
    with scheduler_and_workers(tmp_path) as where:
        code, _, err = run(capfd, "sweep", config, *GRID, "--scheduler", where, "-o", tmp_path / "out")
        while code == 2 and "no workers yet" in err:
            code, _, err = run(capfd, "sweep", config, *GRID, "--scheduler", where, "-o", tmp_path / "out")
        assert code == 0, err
    assert same(table(tmp_path / "out")) == same(table(swept))
