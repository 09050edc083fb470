"""Programs that some tests need and a user may not have: those tests are skipped, but fail in `.ci/run`."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str, package: str) -> str:
    """The path of `name`, which Debian's `package` brings."""
    path = shutil.which(name)
    if path is None:
        message = f"{name} is not installed; apt-get install {package}"
        if os.environ.get("A2QFLOW_REQUIRE_TOOLS"):
            pytest.fail(message)
        pytest.skip(message)
    return path
