"""The training stage: float pre-training, initialization, quantization-aware training, export. Prints nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from a2qplus_train import pretrained
from a2qplus_train.checkpoint import Checkpoint, State
from a2qplus_train.config import TrainConfig
from a2qplus_train.data import Data, load
from a2qplus_train.devices import Place, place_of
from a2qplus_train.events import recorded
from a2qplus_train.export import export
from a2qplus_train.initialize import project_weights, quantize
from a2qplus_train.loop import Loop, Phase, Progress, Record
from a2qplus_train.models import Network, build_float, build_quantized
from a2qplus_train.norms import settle
from a2qplus_train.quantizers import few_units, penalty
from a2qplus_train.start import start_as_interpolation
from flows.errors import AccumulatorOverflow, ConfigError, VerificationFailed


@dataclass
class Run:
    """A finished training: the chosen networks and one record per epoch."""

    float_model: Network
    quantized: Network
    history: list[Record] = field(default_factory=list)


def pretrain(config: TrainConfig, path: Path, progress: Progress | None = None) -> None:
    """Train the float network alone and write the checkpoint `path` that `train` can start from (`pretrained.py`)."""
    with reproducible(config.seed), place_of(config) as place:
        loop = Loop(config, load(config), torch.Generator().manual_seed(config.seed), progress, place)
        model = _float_phase(loop)
        if place.rank == 0:
            pretrained.save(path, config, model, loop.shuffle, loop.history)


def train(
    config: TrainConfig, out: Path, progress: Progress | None = None, float_checkpoint: Path | None = None
) -> None:
    """Train `config` and write model.onnx, vectors.npz, training.json and both checkpoints into the folder `out`.

    The folder appears in one rename at the end; an older one of the same name is replaced. `progress` is called after
    every epoch with (phase, epoch from 1, epochs, metrics). `float_checkpoint`: what `pretrain` wrote for the same
    float configuration, loaded in place of the float phase; the result is the same, bit for bit.

    A run that is killed leaves `.NAME.resume.pt` beside `out`; the next call with the same configuration goes on from
    its last epoch and, on a CPU, ends with the same bytes. Under torchrun every process calls this; the first writes.

    Raises ConfigError when `out` is a file or cannot be written or the checkpoint does not fit, VerificationFailed or
    AccumulatorOverflow when the exported integers are not what was trained.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"the output folder {out} is a file")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise ConfigError(f"cannot write the output folder {out}: {error.strerror}") from error
    checkpoint = Checkpoint(out.with_name(f".{out.name}.resume.pt"), config)
    try:
        events = out.with_name(f"{out.name}_events")
        with (
            reproducible(config.seed),
            place_of(config) as place,
            recorded(config.tensorboard and place.rank == 0, events, progress) as told,
        ):
            data = load(config)
            run = fit(config, data, told, float_checkpoint, place, checkpoint)
            if place.rank == 0:
                torch.save(run.float_model.state_dict(), folder / "float.pt")
                torch.save(run.quantized.state_dict(), folder / "quantized.pt")
                export(run.quantized, run.float_model, config, data.test, run.history, folder)
                folder.chmod(0o755)
                _replace(folder, out)
                checkpoint.remove()
    except (VerificationFailed, AccumulatorOverflow):
        checkpoint.remove()  # going on from there would only fail again
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(folder: Path, out: Path) -> None:
    """Rename `folder` to `out`, moving an older `out` aside first: a directory cannot be renamed over a full one."""
    if not out.exists():
        folder.rename(out)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
    out.rename(aside / out.name)
    folder.rename(out)
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed torch, allow only deterministic kernels and one thread; put everything back at the end.

    One thread, because the order of a parallel float sum depends on the number of cores.
    """
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic)


def _float_phase(loop: Loop, saved: State | None = None) -> Network:
    config = loop.config
    model = build_float(config)
    start_as_interpolation(model)
    if config.hold_norms:
        settle(model, loop.sample())
    loop.run(Phase("float", config.float_epochs, config.float_learning_rate), model, saved)
    if config.hold_norms:
        settle(model, loop.sample())
    return model


def fit(
    config: TrainConfig,
    data: Data,
    progress: Progress | None = None,
    float_checkpoint: Path | None = None,
    place: Place | None = None,
    checkpoint: Checkpoint | None = None,
) -> Run:
    """Train both forms of the network; never looks at `data.test`. Call inside `reproducible`."""
    loop = Loop(config, data, torch.Generator().manual_seed(config.seed), progress, place, checkpoint)
    saved = loop.checkpoint.load()
    if saved is not None and saved["phase"] == "quantized":
        float_model = build_float(config)
        float_model.load_state_dict(saved["finished"])
        float_model.eval()
        quantized = build_quantized(config)
    else:
        if float_checkpoint is None:
            float_model = _float_phase(loop, saved)
        else:
            float_model = build_float(config)
            loop.history += pretrained.restore(float_checkpoint, config, float_model, loop.shuffle)
        saved = None
        quantized = quantize(float_model, images=loop.sample())
    loop.finished = float_model.state_dict()
    phase = Phase(
        "quantized",
        config.epochs,
        config.learning_rate,
        extra_loss=lambda: config.regularizer * penalty(quantized),
        after_step=(lambda: project_weights(quantized)) if config.project_steps else None,
        slow=few_units(quantized),
    )
    loop.run(phase, quantized, saved)
    return Run(float_model, quantized, loop.history)
