"""Results of steps that several builds share: where one had the same dependencies, the others copy what it wrote.

A sweep's points differ in one thing and share the rest: `exact` and `trained` widths are often the same RTL. An entry
is one file, `FOLDER/STEP_KEY.json`, written atomically: the step's text files and what it took. Of two
builds that come to the same step at the same time, the second waits for the first.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.errors import FlowError
from flows.files import read_json, write_json, write_text
from flows.usage import Usage


@dataclasses.dataclass(frozen=True)
class SharedSteps:
    """The folder of the entries; every build that shares it must have the same code (dependencies digest it)."""

    folder: Path

    @contextlib.contextmanager
    def alone(self, name: str, key: str) -> Iterator[None]:
        """Holds an entry for this process, until it is made; where no lock can be had, both builds run the step."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                self.folder.mkdir(parents=True, exist_ok=True)
                lock = stack.enter_context(self._path(name, key).with_suffix(".lock").open("a"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def take(self, name: str, key: str, outputs: Sequence[Path], out: Path) -> Usage | None:
        """Writes what another build's step wrote; what it took there. None where no good entry is there."""
        try:
            entry = read_json(self._path(name, key))
            texts = {out / path: str(text) for path, text in entry["files"].items()}
            used = Usage(**{name: float(value) for name, value in entry["usage"].items()})
        except (FlowError, KeyError, TypeError, ValueError, AttributeError):
            return None
        if texts.keys() != set(outputs):
            return None
        for path, text in texts.items():
            write_text(path, text)
        return used

    def give(self, name: str, key: str, used: Usage, outputs: Sequence[Path], out: Path) -> None:
        """Keeps what a step wrote; one that cannot be kept costs the others time, not this build."""
        with contextlib.suppress(FlowError, OSError, UnicodeDecodeError):
            files = {str(path.relative_to(out)): path.read_text(encoding="utf-8") for path in outputs}
            write_json(self._path(name, key), {"usage": dataclasses.asdict(used), "files": files})

    def _path(self, name: str, key: str) -> Path:
        return self.folder / f"{name}_{key}.json"
