"""What some tests need and a user may not have: those tests are skipped, but fail in `.ci/run`."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def not_here(message: str) -> NoReturn:
    """Ends the test that needs what is not here; `message` names it and how to get it."""
    if os.environ.get("A2QFLOW_REQUIRE_TOOLS"):
        pytest.fail(message)
    pytest.skip(message)


def program(name: str, package: str) -> str:
    """The path of `name`, which Debian's `package` brings."""
    path = shutil.which(name)
    if path is None:
        not_here(f"{name} is not installed; apt-get install {package}")
    return path
