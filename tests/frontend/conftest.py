"""Networks that several tests look at are built and imported once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.frontend import Imported, import_model
from tests.frontend.nets import Reference, reference

Import = Callable[[str], tuple[Reference, Imported, Path]]


@pytest.fixture(scope="session")
def imported_net(tmp_path_factory: pytest.TempPathFactory) -> Import:
    """name -> (reference, imported network, folder it was imported in)"""
    known: dict[str, tuple[Reference, Imported, Path]] = {}

    def get(name: str) -> tuple[Reference, Imported, Path]:
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            truth = reference(name, folder)
            work = folder / "work"
            known[name] = truth, import_model(truth.path, training=None, label_select=False, work=work), work
        return known[name]

    return get
