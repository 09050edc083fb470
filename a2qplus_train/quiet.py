"""A message of torch.onnx that tells a user of this project nothing; everything else it says stays audible."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

EXPORTER = "torch.onnx._internal.exporter._registration"


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """torch.onnx logs one line per operator of torchvision when that package is not installed; none is used here."""

    def other(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("torchvision is not installed")

    logger = logging.getLogger(EXPORTER)
    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)
