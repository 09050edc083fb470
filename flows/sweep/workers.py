"""Which workers a sweep runs on, as a value that is checked before any of them is started."""

from __future__ import annotations

from dataclasses import dataclass

from flows.config import suggestion
from flows.errors import ConfigError
from flows.sweep import batch

JOBS = 8
"""Jobs that are submitted to a batch system unless `--workers` says how many."""


@dataclass(frozen=True)
class Workers:
    """Which workers to use: of our own (`scheduler` None), of the scheduler at an address, or of a batch system.

    `count`: how many of our own (None: one a core), or how many jobs (None: JOBS). `job`: KEY=VALUE options of jobs.
    """

    scheduler: str | None = None
    count: int | None = None
    job: tuple[str, ...] = ()

    @property
    def batch(self) -> bool:
        return self.scheduler in batch.SYSTEMS

    def check(self) -> None:
        """Raises ConfigError where the options do not belong together."""
        if self.count is not None and self.count < 1:
            raise ConfigError(f"--workers {self.count}: at least 1")
        if self.job and not self.batch:
            raise ConfigError(f"--job {self.job[0]}: only with --scheduler {', '.join(batch.SYSTEMS)}")
        if self.scheduler is None or self.batch:
            return
        if self.count is not None:
            raise ConfigError(f"--workers {self.count}: the scheduler {self.scheduler} has its own")
        if "://" not in self.scheduler:
            raise ConfigError(
                f"--scheduler {self.scheduler}: neither an address such as tcp://HOST:8786 nor a batch system"
                f"{suggestion(self.scheduler, batch.SYSTEMS)}"
            )
