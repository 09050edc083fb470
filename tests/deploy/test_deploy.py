"""`build.py deploy` against a stand-in for a board: its Python has the stand-in for pynq, its bitfile is a simulation.

Twice: through the system's ssh to an SSH server on the loopback interface (asyncssh), and through a stand-in for ssh
and scp that only runs and copies.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import build
from flows.simulate.driver import STAND_IN
from tests.pynq_sim.small import Small, small
from tests.tools import not_here, program

FAKE = '''#!{python}
"""STAND-IN for ssh and scp: the host is a folder, a remote command runs in it."""
import os, shutil, subprocess, sys
from pathlib import Path
home = Path({home!r})
words, rest = sys.argv[1:], []
while words:
    word = words.pop(0)
    if word == "-o":
        words.pop(0)
    elif word not in ("-q", "-r"):
        rest.append(word)
if {fails!r}:
    sys.exit(print({fails!r}, file=sys.stderr) or 255)
if Path(sys.argv[0]).name == "ssh":
    sys.exit(subprocess.run(["sh", "-c", rest[1]], cwd=home, env=os.environ | {env!r}).returncode)
place = lambda name: home / name.split(":", 1)[1] if name.startswith("board:") else Path(name)
for name in rest[:-1]:
    shutil.copy2(place(name), place(rest[-1]))
'''


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small(tmp_path_factory.mktemp("small"))


@dataclass(frozen=True)
class BoardHost:
    """A host with `home`; deploys with `deploy(out, *options)`."""

    home: Path
    deploy: Callable[..., int]


@pytest.fixture
def out(net: Small, tmp_path: Path) -> Path:
    net.package(tmp_path / "out" / "deploy")
    return tmp_path / "out"


def environment(**changes: str) -> dict[str, str]:
    return {"BOARD": "Pynq-Z2", "PYTHONPATH": str(STAND_IN), "PYTHONDONTWRITEBYTECODE": "1"} | changes


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, fails: str = "", **env: str) -> BoardHost:
    home, tools = folder / "home of the board", folder / "bin"
    home.mkdir()
    tools.mkdir()
    text = FAKE.format(python=sys.executable, home=str(home), env=environment(**env), fails=fails)
    for name in ("ssh", "scp"):
        (tools / name).write_text(text, encoding="utf-8")
        (tools / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return BoardHost(home, lambda out, *more: run(out, "board", *more))


def run(out: Path, host: str, *more: str) -> int:
    return build.main(["deploy", str(out), "--host", host, "--as-user", "--python", sys.executable, *more])


def need_ssh() -> None:
    """The system's ssh, for a user with a name: it serves no other, as in a container run with another's number."""
    program("ssh", "openssh-client")
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        not_here(f"ssh does not run for uid {os.getuid()}, which is in no /etc/passwd here")


@pytest.fixture(params=["fake", "ssh"])
def host(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BoardHost]:
    if request.param == "fake":
        yield fake(tmp_path, monkeypatch)
        return
    need_ssh()
    if importlib.util.find_spec("asyncssh") is None:
        not_here("no asyncssh here: pip install -r requirements.txt")
    home, keys = tmp_path / "home", tmp_path / "keys"
    home.mkdir()
    keys.mkdir()
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "server.py"), str(home), str(keys)],
        env=os.environ | environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        assert port.isdigit()
        options = [f"Port={port}", f"IdentityFile={keys / 'client'}", f"UserKnownHostsFile={keys / 'known_hosts'}",
                   "IdentitiesOnly=yes"]  # fmt: skip
        words = [word for option in options for word in ("--ssh-option", option)]
        yield BoardHost(home, lambda out, *more: run(out, "board@127.0.0.1", *words, *more))
    finally:
        server.kill()
        server.wait()


def test_the_package_is_copied_validated_and_the_result_fetched(host: BoardHost, out: Path, net: Small, capsys) -> None:
    assert host.deploy(out) == 0, capsys.readouterr().err
    result = json.loads((out / "verification_output" / "board.json").read_text())
    assert result["mismatches"] == 0 and result["images"] == len(net.codes)
    there = host.home / "a2qflow" / "net"
    assert {p.name for p in there.iterdir()} >= {p.name for p in (out / "deploy").iterdir()}
    assert not (host.home / "a2qflow" / "net.part").exists()
    assert "0 mismatches" in capsys.readouterr().out
    (there / "left over").touch()
    assert host.deploy(out) == 0
    assert not (there / "left over").exists(), "the folder is made anew"


def test_wrong_integers_on_the_board_are_an_error(host: BoardHost, out: Path, capsys) -> None:
    import numpy as np

    with np.load(out / "deploy" / "vectors.npz") as archive:
        vectors = {name: archive[name] for name in archive.files}
    vectors["output"][0] += 1
    np.savez(out / "deploy" / "vectors.npz", **vectors)
    assert host.deploy(out) == 1
    message = capsys.readouterr().err
    assert "integers differ" in message and "Traceback" not in message
    assert not (out / "verification_output" / "board.json").exists()


@pytest.mark.parametrize(
    ("env", "options", "message"),
    [
        ({"BOARD": "ZCU104"}, [], "the package is for board pynq-z2, this board is ZCU104"),
        ({"PYTHONPATH": ""}, [], "has no pynq and numpy"),
        ({}, ["--python", "/no/python"], "/no/python has no pynq"),
    ],
)
def test_a_board_that_cannot_run_it(
    out: Path, tmp_path: Path, monkeypatch, capsys, env: dict[str, str], options: list[str], message: str
) -> None:
    board = fake(tmp_path, monkeypatch, **env)
    assert board.deploy(out, *options) == 1
    assert message in capsys.readouterr().err
    assert not list(board.home.iterdir()), "nothing was copied"


def test_a_full_board(out: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    board = fake(tmp_path, monkeypatch)
    (tmp_path / "bin" / "df").write_text("#!/bin/sh\necho head\necho '/dev/root 100 90 10 90% /'\n")
    (tmp_path / "bin" / "df").chmod(stat.S_IRWXU)
    assert board.deploy(out) == 1
    assert "0.0 MB free" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("ssh: Could not resolve hostname board: Name or service not known", "no host of that name"),
        ("ssh: connect to host board port 22: No route to host", "no route to it"),
        ("ssh: connect to host board port 22: Connection refused", "no route to it"),
        ("board: Permission denied (publickey,password).", "ssh-copy-id"),
        ("Host key verification failed.", "connect once by hand"),
        ("No user exists for uid 1234", "mount /etc/passwd"),
    ],
)
def test_no_way_to_the_board(out: Path, tmp_path: Path, monkeypatch, capsys, said: str, message: str) -> None:
    board = fake(tmp_path, monkeypatch, fails=said)
    assert board.deploy(out) == 1
    assert message in capsys.readouterr().err


def test_a_refused_connection_through_the_real_client(out: Path, capsys) -> None:
    need_ssh()
    assert run(out, "127.0.0.1", "--ssh-option", "Port=9") == 1
    assert "no route to it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("missing", "message"), [("a2qflow.bit", r"generate_outputs=\[bitfile\]"), ("driver.py", "driver.py is missing")]
)
def test_an_incomplete_package(out: Path, missing: str, message: str, capsys) -> None:
    (out / "deploy" / missing).unlink()
    assert run(out, "board") == 2
    import re

    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("host", ["-oProxyCommand=touch x", "a b", ""])
def test_a_host_that_is_an_option_is_refused(out: Path, host: str, capsys) -> None:
    assert build.main(["deploy", str(out), f"--host={host}"]) == 2
    assert "is no host name" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["/etc", "../up", "a/../../b", "a b", "$(x)"])
def test_a_folder_outside_of_home_is_refused(out: Path, folder: str, capsys) -> None:
    assert run(out, "board", "--folder", folder) == 2
    assert "--folder" in capsys.readouterr().err
