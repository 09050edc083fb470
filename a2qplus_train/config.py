"""What a training run is made of. Imports neither torch nor Brevitas, so that the build can read it cheaply."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from a2qplus_train.data.info import DATASETS, Augmentation, DatasetName

Method = Literal["qat", "a2q", "a2q+"]
ModelName = Literal[
    "cnn", "mlp", "cnv", "mobilenetv1", "resnet18", "resnet18_imagenet", "resnet34_imagenet", "resnet50_imagenet",
    "espcn", "espcn_nn", "unet",
]  # fmt: skip
Width = Annotated[int, Field(ge=1, le=4096)]
AccumulatorBits = Annotated[int, Field(ge=4, le=32)]
Bits = Annotated[int, Field(ge=1, le=8)]
Epochs = Annotated[int, Field(ge=0, le=10_000)]
Fraction = Annotated[float, Field(gt=0.0, lt=0.9)]
Count = Annotated[int, Field(ge=1, le=64)]

# Shape of a model when the configuration names none: channels of the convolutions (of the stages, for networks of
# blocks), the convolutions (counted from 1) that a 2x2 max-pool follows, the widths of the hidden dense layers, and
# the number of blocks in each stage. A key that a model does not list here does not belong to it.
DEFAULT_SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "cnn": {"channels": (8, 16, 16), "pool_after": (2, 3), "hidden": ()},
    "mlp": {"hidden": (64, 64)},
    "cnv": {"channels": (64, 64, 128, 128, 256, 256), "pool_after": (2, 4), "hidden": (512, 512)},
    "mobilenetv1": {"channels": (32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)},
    "resnet18": {"channels": (64, 128, 256, 512), "blocks": (2, 2, 2, 2)},
    "resnet18_imagenet": {"channels": (64, 128, 256, 512), "blocks": (2, 2, 2, 2)},
    "resnet34_imagenet": {"channels": (64, 128, 256, 512), "blocks": (3, 4, 6, 3)},
    "resnet50_imagenet": {"channels": (64, 128, 256, 512), "blocks": (3, 4, 6, 3)},
    "espcn": {"channels": (64, 64, 32)},
    "espcn_nn": {"channels": (64, 64, 32)},
    "unet": {"channels": (16, 32)},
}
SHAPE_KEYS = ("channels", "pool_after", "hidden", "blocks")
IMAGE_MODELS = ("espcn", "espcn_nn", "unet")


class TrainConfig(BaseModel):
    """One training run: data, model, quantization, schedule.

    Frozen; unknown keys and values out of range raise `pydantic.ValidationError`. Widths are in bits, fractions in
    (0, 0.9) of the whole data set, epochs are passes over the training split, learning rates are the peak of Adam's
    one-cycle schedule.

    Data: `data_dir` is the folder of a data set that is not in a package; `image_size` the side of the network's
    square input in pixels (0: the data set's own); `upscale` the factor between a super-resolution network's input
    and its target; `augmentation` defaults to the published one of the data set; `augment_shift` is the largest
    random sub-pixel shift of a training image, in pixels; `vector_frames` how many test images go into vectors.npz.

    Model: `width` multiplies every number of channels or hidden units. With `image_skip` an ESPCN adds detail to its
    own input, upsampled by repetition. `weight_bits` 1 is bipolar, 2 ternary (narrow
    range); `activation_bits` 1 is bipolar; with `signed_activations` activations are -1…1 (2 bits: ternary), else
    ReLUs. `last_layer_weight_bits` 0 means `weight_bits`. As published, the first
    and last layer have 8-bit weights and no accumulator width; `constrain_first` and `constrain_last` change that.

    Quantization: `accumulator_bits` is one P or {layer name: P}; `depthwise_centred` keeps A2Q+'s centring in
    depthwise layers; `project_steps` repeats the initialization's projection after every step of the optimizer.

    Loop: `image_loss` is the loss where targets are images; with `hold_norms` (default of networks that make images)
    BatchNorms keep the statistics they start with; `schedule` is the learning rate by step; `patience` > 0 stops after
    that many epochs without a better validation loss; `device` auto takes a GPU where there is one; `amp` computes
    convolutions and matrix products in bfloat16 (quantizers stay float32); `tensorboard` also writes every epoch's
    figures as TensorBoard events into OUT_events beside the training folder OUT.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: DatasetName = "digits"
    data_dir: Path | None = None
    image_size: Annotated[int, Field(ge=0, le=1024)] = 0
    upscale: Annotated[int, Field(ge=1, le=4)] = 2
    test_fraction: Fraction = 0.3
    validation_fraction: Fraction = 0.1
    split_seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    augmentation: Augmentation | None = None
    augment_shift: Annotated[float, Field(ge=0.0, le=4.0)] = 0.5
    vector_frames: Annotated[int, Field(ge=1)] = 1000

    model: ModelName = "cnn"
    width: Annotated[float, Field(gt=0.0, le=8.0)] = 1.0
    channels: tuple[Width, ...] = ()
    pool_after: tuple[int, ...] = ()
    hidden: tuple[Width, ...] = ()
    blocks: tuple[Count, ...] = ()
    image_skip: bool = False

    method: Method = "a2q+"
    weight_bits: Bits = 4
    activation_bits: Bits = 4
    signed_activations: bool = False
    first_layer_weight_bits: Bits = 8
    last_layer_weight_bits: Annotated[int, Field(ge=0, le=8)] = 8
    input_bits: Annotated[int, Field(ge=2, le=8)] = 8
    accumulator_bits: AccumulatorBits | dict[str, AccumulatorBits | None] | None = 11
    constrain_first: bool = False
    constrain_last: bool = False
    depthwise_centred: bool = False
    label_select: bool = True
    init: Literal["budgeted", "joint", "projected", "published", "brevitas"] = "budgeted"
    project_steps: bool = True
    regularizer: Annotated[float, Field(ge=0.0)] = 1e-3
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    image_loss: Literal["l1", "mse"] = "mse"
    hold_norms: bool = False
    schedule: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    patience: Epochs = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    amp: bool = False
    tensorboard: bool = False

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    float_epochs: Epochs = 80
    epochs: Epochs = 80
    batch_size: Annotated[int, Field(ge=2, le=4096)] = 64
    float_learning_rate: PositiveFloat = 1e-2
    learning_rate: PositiveFloat = 1e-2

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        """Put the model's default shape and the data set's augmentation in for the keys that were not given."""
        if not isinstance(data, dict):
            return data
        shape = DEFAULT_SHAPES.get(data.get("model", "cnn"), {})
        filled = {**shape, **data}
        if filled.get("augmentation") is None and filled.get("dataset", "digits") in DATASETS:
            filled["augmentation"] = DATASETS[filled.get("dataset", "digits")].augmentation
        filled.setdefault("hold_norms", filled.get("model") in IMAGE_MODELS)
        return filled

    @model_validator(mode="after")
    def _check(self) -> TrainConfig:
        self._check_data()
        self._check_shape()
        self._check_bits()
        return self

    def _check_data(self) -> None:
        info = DATASETS[self.dataset]
        if self.test_fraction + self.validation_fraction >= 0.9:
            raise ValueError("test_fraction and validation_fraction leave less than a tenth for training")
        if info.sizes is not None and self.image_size not in (0, *info.sizes):
            raise ValueError(f"image_size of {self.dataset} is {info.sizes[0]}, not {self.image_size}")
        if info.needs_folder and self.data_dir is None:
            raise ValueError(f"{self.dataset} is read from a folder; name it in data_dir")
        if (info.classes is None) != (self.model in IMAGE_MODELS):
            kind = "classifies" if info.classes is None else "makes images"
            target = "images" if info.classes is None else "classes"
            raise ValueError(f"the model {self.model!r} {kind}, but the targets of {self.dataset!r} are {target}")

    def _check_shape(self) -> None:
        own = DEFAULT_SHAPES[self.model]
        foreign = [key for key in SHAPE_KEYS if getattr(self, key) and key not in own]
        if foreign:
            owners = [name for name, shape in DEFAULT_SHAPES.items() if foreign[0] in shape]
            raise ValueError(f"{foreign[0]} belongs to {', '.join(owners)}, not to the model {self.model!r}")
        if self.image_skip and (self.model not in ("espcn", "espcn_nn") or self.input_bits != 8):
            raise ValueError("image_skip adds to an ESPCN's 8-bit input: it needs model espcn(_nn) and input_bits 8")
        if self.model == "mlp" and not self.hidden:
            raise ValueError("the model 'mlp' needs at least one hidden layer")
        if self.model != "mlp" and not self.channels:
            raise ValueError(f"the model {self.model!r} needs at least one entry in channels")
        if len(self.blocks) != len(self.channels) and "blocks" in own:
            raise ValueError(f"blocks and channels need one entry a stage: {len(self.blocks)}, {len(self.channels)}")
        if list(self.pool_after) != sorted(set(self.pool_after) & set(range(1, len(self.channels) + 1))):
            raise ValueError(
                f"pool_after lists convolutions from 1 to {len(self.channels)} in rising order, got {self.pool_after}"
            )
        if self.image_shape[1] >> len(self.pool_after) < 1:
            raise ValueError(f"{len(self.pool_after)} max-pools leave nothing of an {self.image_shape[1]}-pixel image")

    def _check_bits(self) -> None:
        if self.method == "qat":
            return
        if self.weight_bits == 1 or self.last_layer_weight_bits == 1 or self.first_layer_weight_bits == 1:
            raise ValueError(
                f"{self.method} does not apply to 1-bit weights: bipolar weights have no zero, so the ℓ1 norm of a "
                "channel is always its fan-in and no budget can bind; use method qat"
            )
        if self.activation_bits == 1:
            raise ValueError(
                f"{self.method} does not apply to 1-bit activations: they are bipolar (-1 or 1), which is not one of "
                "the integer types its bound is derived for; use method qat"
            )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the network's input."""
        info = DATASETS[self.dataset]
        size = self.image_size or info.size
        return info.channels, size, size

    @property
    def classes(self) -> int | None:
        """Number of classes, None where the target is an image."""
        return DATASETS[self.dataset].classes

    def scaled(self, channels: int) -> int:
        """`channels` times the width multiplier, rounded, at least 1."""
        return max(1, round(channels * self.width))
