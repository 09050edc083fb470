"""CIFAR-10 from a local folder, in its python or its binary format (https://www.cs.toronto.edu/~kriz/cifar.html).

    DATA_DIR/data_batch_1 … data_batch_5, test_batch                  python: pickled {b"data", b"labels"}
    DATA_DIR/data_batch_1.bin … data_batch_5.bin, test_batch.bin      binary: records of 1 label and 3072 pixel bytes

DATA_DIR may also be the folder above, as the archives unpack: cifar-10-batches-py or cifar-10-batches-bin.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from a2qplus_train.config import TrainConfig
from a2qplus_train.data.lazy import Pixels
from a2qplus_train.data.types import Data, Split, cut
from flows.errors import ConfigError

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
FOLDERS = ("", "cifar-10-batches-py", "cifar-10-batches-bin")

# What a pickled numpy array is made of; a pickle that names anything else is refused before it can run.
ARRAY_PARTS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],  # type: ignore[dict-item]
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}

Batch = tuple[NDArray[np.uint8], NDArray[np.int64]]


def load(config: TrainConfig) -> Data:
    """Test split: the test batch. `validation_fraction` of the training batches choose the checkpoint.

    Raises ConfigError for a folder without CIFAR-10, a missing or a damaged batch.
    """
    assert config.data_dir is not None
    train, test = read(config.data_dir)
    kept, validation = cut(train, config.validation_fraction, config.split_seed)
    return Data(train=kept, validation=validation, test=test)


def read(folder: Path) -> tuple[Split, Split]:
    """Return (training, test) of the data set in `folder` or below it. Raises ConfigError."""
    for below in FOLDERS:
        for suffix, reader in (("", read_python), (".bin", read_binary)):
            here = folder / below
            if (here / f"data_batch_1{suffix}").is_file():
                parts = [reader(here / f"data_batch_{number}{suffix}") for number in range(1, 6)]
                return _split(parts), _split([reader(here / f"test_batch{suffix}")])
    raise ConfigError(
        f"data_dir {folder}: no CIFAR-10 here; expected data_batch_1 … data_batch_5 and test_batch (python format), or "
        "the same names with .bin (binary format), in it or in cifar-10-batches-py or cifar-10-batches-bin below it"
    )


def _split(batches: list[Batch]) -> Split:
    pixels = np.concatenate([pixels for pixels, _ in batches])
    return Split(Pixels(pixels.reshape(-1, *SHAPE)), np.concatenate([labels for _, labels in batches]))


def read_binary(path: Path) -> Batch:
    """Read one binary batch: (uint8 (N, 3072), int64 (N,)). Raises ConfigError."""
    content = _bytes(path)
    if not content or len(content) % (PIXELS + 1):
        raise ConfigError(f"{path}: {len(content)} bytes are no CIFAR-10 records of {PIXELS + 1} bytes each")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, PIXELS + 1)
    return _checked(path, records[:, 1:], records[:, 0])


def read_python(path: Path) -> Batch:
    """Read one python batch: (uint8 (N, 3072), int64 (N,)). Only numpy arrays are unpickled. Raises ConfigError."""
    with_limits = _Unpickler(io.BytesIO(_bytes(path)), encoding="bytes")
    try:
        batch = with_limits.load()
        return _checked(path, batch[b"data"], batch[b"labels"])
    except ConfigError:
        raise
    except Exception as error:  # a damaged pickle fails in any way it likes
        raise ConfigError(f"{path} is no CIFAR-10 python batch: {error or type(error).__name__}") from None


class _Unpickler(pickle.Unpickler):
    """Rebuilds numpy arrays and plain containers, nothing else: the format is a pickle, its sender a stranger."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a part of a numpy array; raises pickle.UnpicklingError for any other name."""
        if (module, name) not in ARRAY_PARTS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR-10 batch needs")
        return ARRAY_PARTS[module, name]


def _checked(path: Path, data: Any, labels: Any) -> Batch:
    pixels, classes = np.asarray(data), np.asarray(labels)
    right = pixels.dtype == np.uint8 and pixels.ndim == 2 and pixels.shape == (len(classes), PIXELS)
    if not right or not len(classes) or classes.min() < 0 or classes.max() > 9:
        raise ConfigError(f"{path}: expected one label from 0 to 9 and {PIXELS} pixel bytes for each image")
    return np.ascontiguousarray(pixels), classes.astype(np.int64)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the CIFAR-10 batch {path}: {error.strerror}") from None
