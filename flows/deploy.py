"""`build.py deploy OUT --host HOST`: the package to a board over SSH, its validation there, and the result back.

The system's `ssh` and `scp` do the work, with the user's own configuration and keys. What runs on the board are the
scripts of `hw_templates/deploy`, read by its `sh` from standard input, and `validate.py` of the package.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.console import console
from flows.emit.pynq import BITFILE, FILES
from flows.errors import ConfigError, FlowError, ToolFailed, ToolMissing, VerificationFailed
from flows.files import read_json, write_json
from flows.simulate.toolchain import Command, run_all

SCRIPTS = Path(__file__).parents[1] / "hw_templates" / "deploy"
CONNECT = ("BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=10", "ServerAliveCountMax=3")
RESULT = "board"
"""Name of the result in OUT/verification_output."""
_FAILURES = (
    (r"Could not resolve hostname", "there is no host of that name; is the board on, and on this network?"),
    (r"No route to host|Network is unreachable|timed out|Connection refused",
     "no route to it; is the board on, on this network, and does it run an SSH server?"),
    (r"Host key verification failed|REMOTE HOST IDENTIFICATION",
     "its key is not known here; connect once by hand with ssh, and answer its question"),
    (r"Permission denied", "it does not let us in; copy a key there with ssh-copy-id"),
    (r"No user exists for uid", "ssh wants its user to have a name; in a container, mount /etc/passwd (see docs)"),
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """Where to deploy. `folder` is below the user's home; `python` "" looks for the one that has pynq.

    `as_user`: run as the user that logs in, where it may load bitstreams, rather than with sudo.
    """

    host: str
    folder: str
    python: str = ""
    as_user: bool = False
    ssh_options: tuple[str, ...] = ()
    timeout_s: float = 10.0


def deploy(out: Path, target: Target, show: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Copies OUT/deploy, validates it on the board, writes OUT/verification_output/board.json and returns it.

    Raises ConfigError where OUT holds no complete package, ToolMissing without ssh or scp, FlowError naming what is
    wrong with the board or the way to it, VerificationFailed where the board gives other integers.
    """
    package = _complete(out / "deploy")
    description = read_json(package / "accelerator.json")
    logs, kept = out / "sim" / "board", out / "verification_output" / f"{RESULT}.json"
    kept.unlink(missing_ok=True)
    logs.mkdir(parents=True, exist_ok=True)
    ssh = _Ssh(target, logs)
    size = sum(p.stat().st_size for p in package.iterdir() if p.is_file())
    python, sudo = _check(ssh.script("probe.sh", [target.python], timeout_s=60), description, target, size)
    show(f"{target.host}: {description['board']}, {python}; copying {size / 1e6:.1f} MB to {target.folder}")
    ssh.copy(package, f"{target.folder}.part")
    arguments = [target.folder, python, "sudo" if sudo else "", f"{target.timeout_s:g}"]
    fetched = logs / "validation.json"
    fetched.unlink(missing_ok=True)
    try:
        for line in ssh.script("validate.sh", arguments, timeout_s=3600).splitlines():
            show(line)
    except ToolFailed as problem:
        raise VerificationFailed(f"{target.host}: {problem}") from None
    ssh.fetch(f"{target.folder}/validation.json", fetched)
    result = read_json(fetched)
    if result["identity"] != description["identity"] or result["mismatches"]:
        raise VerificationFailed(f"{target.host}: {result['mismatches']} integers differ, hash {result['identity']}")
    write_json(kept, result)
    return dict(result)


def run_command(options: argparse.Namespace) -> int:
    """`build.py deploy` with its options; returns the exit code 0."""
    package = _complete(options.out / "deploy")
    design = str(read_json(package / "accelerator.json")["design"])
    target = Target(
        options.host, options.folder or f"a2qflow/{design}", options.python, options.as_user,
        tuple(options.ssh_option), options.timeout,
    )  # fmt: skip
    result = deploy(options.out, target, console.print)
    rates = [f"{run['batch_size']}: {run['cycles_of_last_batch']}" for run in result["runs"]]
    console.print(f"cycles by batch size: {', '.join(rates)}")
    console.print(f"{options.host}: {result['frames']} frames, {result['mismatches']} mismatches")
    return 0


def _complete(package: Path) -> Path:
    missing = [name for name in FILES if not (package / name).is_file()]
    if missing:
        raise ConfigError(f"{package} holds no package: {missing[0]} is missing; build it first, for a board")
    for name in (BITFILE, str(Path(BITFILE).with_suffix(".hwh"))):
        if not (package / name).is_file():
            raise ConfigError(f"{package} has no {name}; build with --set generate_outputs=[bitfile] where Vivado is")
    return package


def _check(probed: str, description: Mapping[str, Any], target: Target, size: int) -> tuple[str, bool]:
    """(Python of the board, whether sudo is needed). Raises FlowError where the board cannot run the package."""
    found = dict(line.split("=", 1) for line in probed.splitlines() if "=" in line)
    host = target.host
    if found.get("probe") != "done":
        raise FlowError(f"{host}: its shell does not answer as a Linux board's would: {probed.strip()[-200:]!r}")
    if not found["python"]:
        what = target.python or "python3"
        raise FlowError(f"{host}: {what} has no pynq and numpy; is this a PYNQ image? name its Python with --python")
    names = [name.lower() for name in description["board_names"]]
    if found["board"].lower() not in names:
        what = found["board"] or "unknown: BOARD is not set there"
        raise FlowError(f"{host}: the package is for board {description['board']}, this board is {what}")
    free = int(found["free_kb"]) * 1024 if found["free_kb"].isdigit() else 0
    if free < 2 * size + (1 << 20):
        raise FlowError(f"{host}: {free / 1e6:.1f} MB free in {found['home']}, the package takes {size / 1e6:.1f} MB")
    if target.as_user or found["root"] == "yes":
        return found["python"], False
    if found["root"] == "no":
        raise FlowError(
            f"{host}: loading a bitstream needs root, and sudo asks for a password; log in as root, allow sudo without "
            "one, or say --as-user where the user may load bitstreams"
        )
    return found["python"], True


class _Ssh:
    """`ssh` and `scp` to one host, with logs."""

    def __init__(self, target: Target, logs: Path) -> None:
        if re.match(r"-|\s|$", target.host) or not re.fullmatch(r"[\w.@:%\[\]-]+", target.host):
            raise ConfigError(f"--host {target.host!r} is no host name")
        if not re.fullmatch(r"[\w.+-][\w.+/-]*", target.folder) or ".." in target.folder.split("/"):
            raise ConfigError(f"--folder {target.folder!r}: letters, digits and ._+-/ below the home folder")
        self.target, self.logs = target, logs
        self.idle_s = 300.0 + 2 * target.timeout_s
        self.options = [word for option in (*target.ssh_options, *CONNECT) for word in ("-o", option)]

    def script(self, name: str, arguments: Sequence[str], timeout_s: float) -> str:
        """Runs a script of ours on the board; returns what it printed."""
        words = ["sh", "-s", "--", *(shlex.quote(word) for word in arguments)]
        argv = [_program("ssh"), *self.options, self.target.host, " ".join(words)]
        return self._run(argv, self.logs / f"{Path(name).stem}.log", timeout_s, SCRIPTS / name)

    def copy(self, folder: Path, to: str) -> None:
        """Copies `folder` as the remote `to`, which is made anew."""
        self.script("clear.sh", [to], timeout_s=60)
        argv = [_program("scp"), "-q", "-r", *self.options]
        files = [str(p) for p in sorted(folder.iterdir()) if p.is_file() and not p.name.startswith(".")]
        self._run([*argv, *files, f"{self.target.host}:{to}/"], self.logs / "copy.log", 1800)

    def fetch(self, path: str, to: Path) -> None:
        argv = [_program("scp"), "-q", *self.options, f"{self.target.host}:{path}", str(to)]
        self._run(argv, self.logs / "fetch.log", 60)

    def _run(self, argv: Sequence[str], log: Path, timeout_s: float, stdin: Path | None = None) -> str:
        """Runs `argv` while it says something at least now and then; returns what it said."""
        try:
            run_all([Command(argv, Path.cwd(), log, stdin=stdin)], timeout_s=timeout_s, idle_s=self.idle_s)
        except ToolFailed as problem:
            said = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
            # 255 is ssh's own failure; scp has no status of its own.
            for pattern, meaning in _FAILURES if "status 255" in str(problem) or argv[0].endswith("scp") else ():
                if re.search(pattern, said):
                    raise FlowError(f"{self.target.host}: {meaning} (log: {log})") from None
            raise
        return log.read_text(encoding="utf-8", errors="replace")


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise ToolMissing(f"{name} is not installed; apt-get install openssh-client")
    return path
