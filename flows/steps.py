"""Named steps that are skipped when nothing they depend on has changed."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.config import STEPS
from flows.errors import ConfigError
from flows.files import digest, file_digest, write_json
from flows.shared_steps import SharedSteps
from flows.usage import Measure, Usage

log = logging.getLogger(__name__)


class Stopped(Exception):
    """The step named by `stop_step` is done."""


@dataclass
class Steps:
    """Runs steps in order and remembers, in OUT/.steps, what each depended on and wrote.

    `announce(name, what)` is called with "run", "reused", "shared" or "kept" before each step. `results` are what no
    longer holds once any step runs again: removed before the first that does. `shared`: what other builds ran already.
    """

    out: Path
    start: str | None = None
    stop: str | None = None
    announce: Callable[[str, str], None] = lambda name, what: None
    results: Sequence[Path] = ()
    shared: SharedSteps | None = None
    usage: dict[str, Usage] = field(default_factory=dict)
    """Of every step so far, as measured when it last ran."""
    reused: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> dict[str, float]:
        """Wall clock, by step."""
        return {name: usage.seconds for name, usage in self.usage.items()}

    def run(
        self, name: str, depends_on: Any, outputs: Sequence[Path], action: Callable[[], None], *, check: bool = False,
        share: bool = False, before: Usage | None = None,
    ) -> bool:  # fmt: skip
        """Runs `action`, unless `outputs` are what it wrote for the same `depends_on` (a JSON-like value).

        Steps before `start_step` are not run: their outputs are taken as they are. Of a `check` only where it was made
        of what is there now; else it counts as not made (returns False), or, where a report will be made, is an error.
        `share`: `outputs` are text files that another build of `shared` may have written for the same `depends_on`.
        `before`: what finding out `depends_on` took, where that is this step's work.
        Raises ConfigError where outputs are missing, Stopped after `stop_step`.
        """
        record, key = self.out / ".steps" / f"{name}.json", digest(depends_on)
        if self.start is not None and STEPS.index(name) < STEPS.index(self.start):
            missing = [p for p in outputs if not p.exists()]
            if check and not self._unchanged(record, key, outputs):
                if self.stop not in (None, STEPS[-1]):
                    return False
                raise ConfigError(f"start_step {self.start!r}: {name} has not checked what is there now; start with it")
            if missing:
                raise ConfigError(f"start_step {self.start!r}: {missing[0]} is missing; run step {name!r} first")
            self._note(name, "kept", self._known(record))
        elif self._unchanged(record, key, outputs):
            self._note(name, "reused", self._known(record))
        else:
            record.unlink(missing_ok=True)
            for path in (*outputs, *self.results):
                if path.is_file():
                    path.unlink()
            made = self._make(name, key, outputs, action, self.shared if share else None)
            self.usage[name] = (before or Usage()) + made
            written = {str(p.relative_to(self.out)): file_digest(p) for p in outputs}
            write_json(record, {"key": key, **dataclasses.asdict(self.usage[name]), "outputs": written})
        if name == self.stop:
            raise Stopped(name)
        return True

    def _make(
        self, name: str, key: str, outputs: Sequence[Path], action: Callable[[], None], shared: SharedSteps | None
    ) -> Usage:
        """Runs `action`, or takes what it wrote in another build; what it took."""
        if shared is None:
            return self._measured(name, action)
        with shared.alone(name, key):
            if (known := shared.take(name, key, outputs, self.out)) is not None:
                self.announce(name, "shared")
                return known
            used = self._measured(name, action)
            shared.give(name, key, used, outputs, self.out)
            return used

    def _measured(self, name: str, action: Callable[[], None]) -> Usage:
        self.announce(name, "run")
        with Measure() as measure:
            action()
        return measure.usage

    def _note(self, name: str, what: str, known: Mapping[str, Any]) -> None:
        self.announce(name, what)
        self.usage[name] = Usage(*(float(known.get(key.name, 0.0)) for key in dataclasses.fields(Usage)))
        self.reused.append(name)

    def _known(self, record: Path) -> dict[str, Any]:
        try:
            known = json.loads(record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _unchanged(self, record: Path, key: str, outputs: Sequence[Path]) -> bool:
        known = self._known(record)
        if known.get("key") != key or not all(p.exists() for p in outputs):
            return False
        return bool(known["outputs"] == {str(p.relative_to(self.out)): file_digest(p) for p in outputs})
