"""The driver package of a small accelerator, imported unmodified, with the stand-in in pynq's place."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from flows.simulate.driver import STAND_IN
from tests.pynq_sim.small import Small, small

NAMES = ("pynq", "driver", "hardware", "packing", "validate")


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return small(tmp_path_factory.mktemp("small"))


@pytest.fixture
def package(net: Small, tmp_path: Path) -> Path:
    """A deploy folder of its own, with a synthetic bitfile."""
    return net.package(tmp_path / "deploy")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path, str], ModuleType]]:
    """load(deploy folder, module): imported afresh from there, as if it ran on the board BOARD names."""

    def forget() -> None:
        for name in [n for n in sys.modules if n.split(".")[0] in NAMES]:
            if name == "pynq":
                sys.modules[name]._board.activate_nothing()
            del sys.modules[name]

    def loaded(folder: Path, module: str) -> ModuleType:
        monkeypatch.syspath_prepend(STAND_IN)
        monkeypatch.syspath_prepend(folder)
        return importlib.import_module(module)

    monkeypatch.setenv("BOARD", "Pynq-Z2")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    forget()
    yield loaded
    forget()
