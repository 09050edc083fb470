"""Loaders of data that are not in a package, on small folders in the exact public formats."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from a2qplus_train.config import TrainConfig
from a2qplus_train.data import load
from a2qplus_train.data.lazy import ImageFiles
from a2qplus_train.data.types import Split
from flows.errors import ConfigError

PER_BATCH = 20


def cifar_batch(number: int) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 (20, 3072), uint8 (20,)): two images of each class; the first pixel of an image tells which it is."""
    pixels = np.random.default_rng(number).integers(0, 256, (PER_BATCH, 3072), dtype=np.uint8)
    labels = np.arange(PER_BATCH, dtype=np.uint8) % 10
    pixels[:, 0] = number * PER_BATCH + np.arange(PER_BATCH)
    return pixels, labels


def python2_pickle(pixels: np.ndarray, labels: np.ndarray) -> bytes:
    """The bytes that Python 2's cPickle (protocol 2) makes of {"data": …, "labels": …}, as the archive holds them."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value  # SHORT_BINSTRING, Python 2's str

    def integer(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + integer(0) + b"\x85" + text(b"b") + b"\x87R"
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + integer(0) + integer(1) + b"\x87R"
    dtype += b"(" + integer(3) + text(b"|") + b"NNN" + integer(-1) + integer(-1) + integer(0) + b"tb"
    shape = integer(pixels.shape[0]) + integer(pixels.shape[1]) + b"\x86"
    raw = b"T" + struct.pack("<i", pixels.nbytes) + pixels.tobytes()  # BINSTRING
    state = b"(" + integer(1) + shape + dtype + b"\x89" + raw + b"tb"
    listed = b"](" + b"".join(integer(int(label)) for label in labels) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + state + text(b"labels") + listed + b"u."


@pytest.fixture(params=["python", "binary"])
def cifar(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    python = request.param == "python"
    folder = tmp_path / ("cifar-10-batches-py" if python else "cifar-10-batches-bin")
    folder.mkdir()
    for number in range(6):
        pixels, labels = cifar_batch(number)
        name = f"data_batch_{number + 1}" if number < 5 else "test_batch"
        if python:
            (folder / name).write_bytes(python2_pickle(pixels, labels))
        else:
            (folder / f"{name}.bin").write_bytes(np.hstack([labels[:, None], pixels]).tobytes())
    return folder


def cifar_config(folder: Path) -> TrainConfig:
    return TrainConfig(dataset="cifar10", data_dir=folder, model="cnv")


def pixels_of(split: Split) -> np.ndarray:
    return split.images[:]


@pytest.mark.parametrize("above", [False, True], ids=["folder", "folder above"])
def test_cifar10(cifar: Path, above: bool) -> None:
    data = load(cifar_config(cifar.parent if above else cifar))
    pixels, labels = cifar_batch(5)
    assert np.array_equal(pixels_of(data.test), pixels.reshape(-1, 3, 32, 32) / 255.0), "planes R, G, B, row by row"
    assert data.test.labels.tolist() == labels.tolist()
    assert data.test.labels.dtype == np.int64
    assert (len(data.train), len(data.validation), len(data.test)) == (90, 10, 20)
    assert sorted(data.validation.labels.tolist()) == list(range(10)), "stratified"
    for split in (data.train, data.validation):
        images = pixels_of(split)
        assert images.dtype == np.float64
        first = np.rint(images[:, 0, 0, 0] * 255).astype(int)
        assert (first % 10 == split.labels).all(), "labels stay with their images"
    train, validation = (
        set(np.rint(pixels_of(s)[:, 0, 0, 0] * 255).astype(int)) for s in (data.train, data.validation)
    )
    assert train | validation == set(range(100))
    assert not train & validation


def test_cifar10_split_is_fixed(cifar: Path) -> None:
    first, again = load(cifar_config(cifar)), load(cifar_config(cifar))
    assert np.array_equal(pixels_of(first.validation), pixels_of(again.validation))


def test_cifar10_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no CIFAR-10 here; expected data_batch_1 .* or cifar-10-batches-bin"):
        load(cifar_config(tmp_path))
    with pytest.raises(ConfigError, match="nowhere: no CIFAR-10 here"):
        load(cifar_config(tmp_path / "nowhere"))


def test_a_missing_and_a_damaged_cifar10_batch(cifar: Path) -> None:
    third = next(path for path in cifar.iterdir() if "batch_3" in path.name)
    whole = third.read_bytes()
    third.write_bytes(whole[:-100])
    with pytest.raises(ConfigError, match=r"data_batch_3.*CIFAR-10"):
        load(cifar_config(cifar))
    third.unlink()
    with pytest.raises(ConfigError, match=r"cannot read the CIFAR-10 batch .*data_batch_3.*No such file"):
        load(cifar_config(cifar))


def test_a_label_out_of_range(tmp_path: Path) -> None:
    pixels, labels = cifar_batch(0)
    labels[7] = 10
    (tmp_path / "data_batch_1").write_bytes(python2_pickle(pixels, labels))
    with pytest.raises(ConfigError, match=r"data_batch_1: expected one label from 0 to 9"):
        load(cifar_config(tmp_path))


def test_a_pickle_that_would_run_something(tmp_path: Path) -> None:
    evil = tmp_path / "touched"
    (tmp_path / "data_batch_1").write_bytes(
        b"cpathlib\nPath.touch\n(cpathlib\nPath\n(V" + str(evil).encode() + b"\ntRtR."
    )
    with pytest.raises(ConfigError, match=r"asks for pathlib\.Path"):
        load(cifar_config(tmp_path))
    assert not evil.exists()


def imagenet(folder: Path, classes: tuple[str, ...] = ("n01440764", "n01443537"), count: int = 5) -> Path:
    """Pictures of different sizes, the class told by the colour: red, green."""
    for part, here in (("train", count), ("val", 2)):
        for number, name in enumerate(classes):
            (folder / part / name).mkdir(parents=True)
            for index in range(here):
                picture = np.zeros((60 + index, 90, 3), dtype=np.uint8)
                picture[..., number % 3] = 255
                Image.fromarray(picture).save(folder / part / name / f"{name}_{index}.JPEG", quality=95)
    return folder


def imagenet_config(folder: Path, **keys: object) -> TrainConfig:
    keys = {"image_size": 32, "validation_fraction": 0.2, **keys}
    return TrainConfig(dataset="imagenet", data_dir=folder, model="resnet18_imagenet", **keys)


def test_imagenet(tmp_path: Path) -> None:
    data = load(imagenet_config(imagenet(tmp_path)))
    assert (len(data.train), len(data.validation), len(data.test)) == (8, 2, 4)
    assert data.test.labels.tolist() == [0, 0, 1, 1]
    assert isinstance(data.train.images, ImageFiles), "pictures are read when they are needed"
    assert data.train.images.shape == (8, 3, 32, 32)
    for split in (data.train, data.validation, data.test):
        images = split.images[np.arange(len(split))]
        assert images.shape == (len(split), 3, 32, 32)
        assert images.dtype == np.float64
        assert np.array_equal(images * 255, np.rint(images * 255)), "8-bit pixels"
        assert (images.mean(axis=(2, 3)).argmax(axis=1) == split.labels).all()
    assert not set(data.train.images.paths) & set(data.validation.images.paths)


def test_imagenet_cuts_the_centre(tmp_path: Path) -> None:
    picture = np.zeros((256, 512, 3), dtype=np.uint8)
    picture[16:240, 144:368] = 255  # the central 224 x 224 of a picture that is not scaled
    Image.fromarray(picture).save(tmp_path / "a.png")
    files = ImageFiles([tmp_path / "a.png"], 224)
    assert (files[0] == 1.0).all()
    assert files[0].shape == (3, 224, 224)
    assert np.array_equal(files[:1][0], files[0])


def test_imagenet_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no ImageNet here; expected the folders train and val"):
        load(imagenet_config(tmp_path))
    folder = imagenet(tmp_path / "few")
    for path in (folder / "train" / "n01443537").iterdir():
        path.unlink()
    with pytest.raises(ConfigError, match=r"n01443537: no picture of this class"):
        load(imagenet_config(folder))
    (folder / "val" / "extra").mkdir()
    with pytest.raises(ConfigError, match="train and val do not hold the same classes"):
        load(imagenet_config(folder))


def test_a_picture_that_is_none(tmp_path: Path) -> None:
    folder = imagenet(tmp_path)
    broken = folder / "val" / "n01440764" / "n01440764_0.JPEG"
    broken.write_bytes(b"no picture")
    data = load(imagenet_config(folder))
    with pytest.raises(ConfigError, match=r"n01440764_0\.JPEG"):
        data.test.images[0]


def elpv_config() -> TrainConfig:
    return TrainConfig(dataset="elpv", image_size=20, model="cnn")


def test_elpv(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of the same name and interface: uint8 (N, 300, 300), probabilities, types of cell."""
    probability = np.tile([0.0, 1 / 3, 2 / 3, 1.0], 10)
    images = np.repeat(np.repeat(np.arange(40, dtype=np.uint8)[:, None], 300, 1)[..., None], 300, 2)
    module = ModuleType("elpv_dataset.utils")
    module.load_dataset = lambda: (images, probability, np.array(["mono", "poly"] * 20))
    monkeypatch.setitem(sys.modules, "elpv_dataset", ModuleType("elpv_dataset"))
    monkeypatch.setitem(sys.modules, "elpv_dataset.utils", module)
    data = load(elpv_config())
    assert sum(map(len, (data.train, data.validation, data.test))) == 40
    for split in (data.train, data.validation, data.test):
        found = pixels_of(split)
        assert found.shape[1:] == (1, 20, 20)
        number = np.rint(found[:, 0, 0, 0] * 255).astype(int)
        assert ((number % 4 >= 2) == split.labels).all(), "1 is defective"


def test_elpv_is_optional_and_says_its_licence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "elpv_dataset", None)
    monkeypatch.setitem(sys.modules, "elpv_dataset.utils", None)
    with pytest.raises(ConfigError, match=r"pip install elpv-dataset \(licence CC BY-NC-SA 4\.0, not for commercial"):
        load(elpv_config())
