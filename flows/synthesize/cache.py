"""Netlists that are known already, by everything they depend on: `$A2QFLOW_CACHE`, by default ~/.cache/a2qflow."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from flows.errors import FlowError
from flows.files import digest, sha256, write_json
from flows.synthesize.jobs import Job

log = logging.getLogger(__name__)


def folder() -> Path:
    """Where netlists are remembered."""
    return Path(os.environ.get("A2QFLOW_CACHE") or "~/.cache/a2qflow").expanduser() / "yosys"


def key(job: Job, family: str, version: str, commands: tuple[str, ...]) -> str:
    """Digest of sources, memories, family, the tool's version and commands, and of what else the job asks for."""
    files = {str(path): sha256(text) for path, text in job.files.items()}
    decides = {"top": job.top, "files": files, "family": family, "version": version, "commands": commands}
    asked = {"kinds": job.kinds, "options": job.options}
    return digest(decides | {name: value for name, value in asked.items() if value})


def load(name: str) -> Mapping[str, int] | None:
    """{cell type: number} remembered under `name`, None where there is none or the file is damaged."""
    try:
        cells = json.loads((folder() / f"{name}.json").read_text(encoding="utf-8"))["cells"]
        return {str(cell): int(number) for cell, number in cells.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def places(names: Iterable[str]) -> dict[str, Path]:
    """Where `store` is to put `names`, which are not there or damaged; none where nothing can be written."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        found = {name: folder() / f"{name}.json" for name in names}
        for name, path in found.items():
            if path.exists() and load(name) is None:
                path.unlink(missing_ok=True)
            path.with_name(f"{path.name}.lock").touch()
    except OSError:
        return {}
    return found


def store(name: str, job: Job, cells: Mapping[str, int]) -> None:
    """Remembers `cells`; a cache that cannot be written costs time, not the build."""
    try:
        write_json(folder() / f"{name}.json", {"job": job.name, "cells": dict(cells)})
    except FlowError as error:
        log.warning("the synthesis cache is not used: %s", error)
