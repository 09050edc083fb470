"""What a training run is made of. Imports neither torch nor Brevitas, so that the build can read it cheaply."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

Method = Literal["qat", "a2q", "a2q+"]
Width = Annotated[int, Field(ge=1, le=4096)]
AccumulatorBits = Annotated[int, Field(ge=4, le=32)]
Bits = Annotated[int, Field(ge=2, le=8)]
Epochs = Annotated[int, Field(ge=0, le=10_000)]
Fraction = Annotated[float, Field(gt=0.0, lt=0.9)]

# Shape of a model when the configuration names none: convolution channels, the convolutions (counted from 1) that a
# 2x2 max-pool follows, and the widths of the hidden dense layers.
DEFAULT_SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "cnn": {"channels": (8, 16, 16), "pool_after": (2, 3), "hidden": ()},
    "mlp": {"channels": (), "pool_after": (), "hidden": (64, 64)},
}
IMAGE_SIZES = {"digits": 8}
SMALLEST_IMAGE = 1


class TrainConfig(BaseModel):
    """One training run: data, model, quantization, schedule.

    Frozen; unknown keys and values out of range raise `pydantic.ValidationError`. Widths are in bits, fractions in
    (0, 0.9) of the whole data set, epochs are passes over the training split, learning rates are the peak of Adam's
    one-cycle schedule. `augment_shift` is the largest random sub-pixel shift of a training image, in pixels;
    `project_steps` repeats the initialization's projection after every step of the optimizer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Literal["digits"] = "digits"
    test_fraction: Fraction = 0.3
    validation_fraction: Fraction = 0.1
    split_seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    augment_shift: Annotated[float, Field(ge=0.0, le=4.0)] = 0.5

    model: Literal["cnn", "mlp"] = "cnn"
    channels: tuple[Width, ...] = ()
    pool_after: tuple[int, ...] = ()
    hidden: tuple[Width, ...] = ()

    method: Method = "a2q+"
    weight_bits: Bits = 4
    activation_bits: Bits = 4
    first_layer_weight_bits: Bits = 8
    input_bits: Bits = 8
    accumulator_bits: AccumulatorBits | dict[str, AccumulatorBits | None] | None = 11
    constrain_last: bool = True
    label_select: bool = True
    init: Literal["budgeted", "joint", "projected", "published", "brevitas"] = "budgeted"
    project_steps: bool = True
    regularizer: Annotated[float, Field(ge=0.0)] = 1e-3
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    float_epochs: Epochs = 80
    epochs: Epochs = 80
    batch_size: Annotated[int, Field(ge=2, le=4096)] = 64
    float_learning_rate: PositiveFloat = 1e-2
    learning_rate: PositiveFloat = 1e-2

    @model_validator(mode="before")
    @classmethod
    def _fill_shape(cls, data: Any) -> Any:
        """Put the model's default shape in for the keys that were not given."""
        if not isinstance(data, dict):
            return data
        shape = DEFAULT_SHAPES.get(data.get("model", "cnn"), {})
        return {**shape, **data}

    @model_validator(mode="after")
    def _check(self) -> TrainConfig:
        if self.model == "mlp" and (self.channels or self.pool_after):
            raise ValueError("channels and pool_after belong to the model 'cnn', not 'mlp'")
        if self.model == "mlp" and not self.hidden:
            raise ValueError("the model 'mlp' needs at least one hidden layer")
        if self.model == "cnn" and not self.channels:
            raise ValueError("the model 'cnn' needs at least one convolution in channels")
        if list(self.pool_after) != sorted(set(self.pool_after) & set(range(1, len(self.channels) + 1))):
            raise ValueError(
                f"pool_after lists convolutions from 1 to {len(self.channels)} in rising order, got {self.pool_after}"
            )
        if IMAGE_SIZES[self.dataset] >> len(self.pool_after) < SMALLEST_IMAGE:
            raise ValueError(
                f"{len(self.pool_after)} max-pools leave nothing of an {IMAGE_SIZES[self.dataset]}-pixel image"
            )
        if self.test_fraction + self.validation_fraction >= 0.9:
            raise ValueError("test_fraction and validation_fraction leave less than a tenth for training")
        if isinstance(self.accumulator_bits, dict):
            unknown = sorted(set(self.accumulator_bits) - set(self.layer_names))
            if unknown:
                raise ValueError(
                    f"accumulator_bits names no layer of this model: {', '.join(unknown)} "
                    f"(layers: {', '.join(self.layer_names)})"
                )
            first = self.layer_names[0]
            if self.accumulator_bits.get(first) is not None:
                raise ValueError(f"the first layer ({first}) is not constrained; leave it out of accumulator_bits")
        return self

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers with weights, in execution order: conv1, conv2, …, dense1, …"""
        convs = tuple(f"conv{i + 1}" for i in range(len(self.channels)))
        return convs + tuple(f"dense{i + 1}" for i in range(len(self.hidden) + 1))

    def accumulator_bits_of(self, name: str) -> int | None:
        """Target accumulator width of the layer `name` in bits, None where it is not constrained.

        The first layer never is; the last one only with `constrain_last`; `qat` has no guarantee to give.
        """
        first, last = self.layer_names[0], self.layer_names[-1]
        if self.method == "qat" or name == first or (name == last and not self.constrain_last):
            return None
        if isinstance(self.accumulator_bits, dict):
            return self.accumulator_bits.get(name)
        return self.accumulator_bits
