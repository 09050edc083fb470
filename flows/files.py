"""Files on disk, never half-written: each is written under a temporary name and renamed."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flows.design import Files
from flows.errors import ConfigError, FlowError


def write_text(path: Path, text: str | bytes) -> None:
    """Writes one file atomically. Raises FlowError naming the path when the disk is full or not writable."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise FlowError(f"cannot write {path}: {error.strerror or error}") from None


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Raises ConfigError naming the file where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {error}; run the step that writes it again") from None


def write_tree(folder: Path, files: Files) -> None:
    """Makes `folder` hold exactly `files`: written beside it, then put in its place."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise FlowError(f"cannot write below {folder.parent}: {error.strerror or error}") from None
    try:
        for name, text in files.items():
            write_text(temporary / name, text)
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_tree(folder: Path) -> Files:
    """Every file below `folder`, by path relative to it, sorted."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder): _content(p) for p in paths}  # type: ignore[misc]


def _content(path: Path) -> str | bytes:
    data = path.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def make_output_folder(path: Path) -> None:
    """Creates the build's folder. Raises ConfigError when the path is a file or cannot be written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except FileExistsError:
        raise ConfigError(f"output folder {path} is a file; name another with -o") from None
    except OSError as error:
        raise ConfigError(f"cannot write in the output folder {path}: {error.strerror}") from None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds `folder` for this process. Raises ConfigError where another build is writing there."""
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another build is writing in {folder}; wait for it, or name another folder with -o"
            ) from None
        yield


def sha256(data: str | bytes) -> str:
    return hashlib.sha256(data.encode("utf-8") if isinstance(data, str) else data).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file, or of a folder's file names and contents."""
    if path.is_dir():
        return tree_digest((p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts), path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_digest(paths: Iterable[Path], root: Path) -> str:
    """One digest of many files, by path below `root` and content, whatever order they come in."""
    lines = sorted(f"{path.relative_to(root).as_posix()} {file_digest(path)}" for path in paths)
    return sha256("\n".join(lines))


def digest(value: Any) -> str:
    """sha256 of a JSON-like value."""
    return sha256(json.dumps(value, sort_keys=True, default=str))
