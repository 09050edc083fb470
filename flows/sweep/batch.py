"""Workers as jobs of a batch system: SLURM, PBS or LSF, through dask-jobqueue; one worker of one core a job."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.config import suggestion
from flows.errors import ConfigError, ToolMissing
from flows.sweep.memory import KEEP_MEMORY

ROOT = Path(__file__).parents[2]
SYSTEMS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster"}
OPTION = "--job"
ACCOUNT = {"slurm": "account", "pbs": "account", "lsf": "project"}
SINGLE = ("queue", "account", "walltime", "memory", "interface", "local_directory")
"""Options that are given once; what they mean is the batch system's to say."""
REPEATED = {"directive": "job_extra_directives", "prologue": "job_script_prologue"}
"""Lines of the job script: for the batch system, and commands before the worker starts (module load vivado)."""
MEMORY = "4GiB"


def settings(system: str, options: Sequence[str], out: Path) -> dict[str, Any]:
    """What `dask_jobqueue`'s cluster of that system is made with, from KEY=VALUE options.

    `resources=GPU=1,VIVADO=1`: the tags that each job's worker offers. Logs of the jobs go to `out`/jobs. Raises
    ConfigError naming the option.
    """
    single: dict[str, str] = {"memory": MEMORY}
    prologue = [f"cd {shlex.quote(str(ROOT))}", f"export PYTHONPATH={shlex.quote(str(ROOT))}"]
    prologue += [f"export {name}={value}" for name, value in KEEP_MEMORY.items()]
    repeated: dict[str, list[str]] = {"job_extra_directives": [], "job_script_prologue": prologue}
    arguments: list[str] = []
    for option in options:
        key, equals, value = option.partition("=")
        known = (*SINGLE, *REPEATED, "resources")
        if not equals or not value:
            raise ConfigError(f"{OPTION} {option}: write KEY=VALUE")
        if key not in known:
            raise ConfigError(f"{OPTION} {option}: unknown option {key!r}{suggestion(key, known)}")
        if key == "resources":
            arguments += ["--resources", shlex.quote(" ".join(value.split(",")))]
        elif key in REPEATED:
            repeated[REPEATED[key]].append(value)
        else:
            single[ACCOUNT[system] if key == "account" else key] = value
    return {
        "cores": 1, "processes": 1, **single, **repeated, "worker_extra_args": arguments, "python": sys.executable,
        "log_directory": str(out / "jobs"), "job_name": "a2qflow", "death_timeout": 600,
        "scheduler_options": {"dashboard": False, "dashboard_address": ":0"},
    }  # fmt: skip


def cluster(system: str, options: Sequence[str], out: Path) -> Any:
    """A cluster of that batch system, without a job yet (`scale` asks for some). Raises ToolMissing, ConfigError."""
    made = settings(system, options, out)
    try:
        import dask_jobqueue
    except ModuleNotFoundError:
        raise ToolMissing(
            f"--scheduler {system} needs the package dask-jobqueue; pip install dask-jobqueue==0.9.0"
        ) from None
    try:
        return getattr(dask_jobqueue, SYSTEMS[system])(**made)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"--scheduler {system}: {error}") from None
