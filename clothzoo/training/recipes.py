"""What a recipe is: one TOML file that says everything about a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clothzoo.errors import InvalidInput, RecipeNotFound, did_you_mean
from clothzoo.hub import toml
from clothzoo.preprocessing import Preprocessing
from clothzoo.training.augmentation import Augmentation

_SHIPPED = Path(__file__).parent / "recipes"
_DTYPES = ("float32", "mixed_bfloat16")
_OPTIMIZERS = ("adamw", "sgd")
_WEIGHTINGS = ("dwa", "sum", "uncertainty")


@dataclass(frozen=True)
class DataRecipe:
    """What is trained on.

    Args:
        dataset: "fashion_mnist", "clothing", "clothing_small", "rendered" or "folder".
        tasks: the labels to learn; more than one for a multi-task network.
        hold_out: part of the training split that validates and is not trained on: a fraction
            below 1 or a number of pictures; whole groups where the data has groups; 0 for none.
    """

    dataset: str
    tasks: tuple[str, ...]
    hold_out: float

    def __post_init__(self) -> None:
        if not self.tasks:
            raise InvalidInput("'data.tasks' is empty; name at least one, e.g. ['category']")
        _at_least("data.hold_out", self.hold_out, 0)


@dataclass(frozen=True)
class OptimizerRecipe:
    """How the weights move. Biases and batch normalisation are never decayed.

    Args:
        name: "sgd" (Nesterov) or "adamw".
        learning_rate: the highest one of the schedule.
        warmup: part of the steps in which the rate climbs to it, in a straight line from a
            25th; it falls along a cosine to zero from there. 0.25 makes what is called
            one-cycle, 0 a plain cosine.
        weight_decay: decoupled: each step takes this times the learning rate off a kernel.
        momentum: of SGD, or the first beta of AdamW.
        average: decay per step of the exponential moving average of the weights, which is what
            is published; 0 for none.
        body_rate: learning rate of the body as a fraction of the head's; 1 for the same.
        clip: the largest norm of all gradients together; 0 for no limit.
        keep: part of the weights it started from that the body keeps in the end: what is published
            lies on the line between those and the trained ones. None for none, 0.5 for features
            that are to serve on pictures of other kinds than were trained on.

    Reference:
        Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022,
        https://arxiv.org/abs/2109.01903, for `keep`.
    """

    name: str
    learning_rate: float
    warmup: float
    weight_decay: float
    momentum: float
    average: float
    body_rate: float
    clip: float
    keep: float | None = None

    def __post_init__(self) -> None:
        if self.name not in _OPTIMIZERS:
            raise InvalidInput(f"no optimizer {self.name!r}{did_you_mean(self.name, _OPTIMIZERS)}")
        for name in ("weight_decay", "clip"):
            _at_least(f"optimizer.{name}", getattr(self, name), 0)
        for name in ("warmup", "momentum", "average", "keep"):
            _fraction(f"optimizer.{name}", getattr(self, name) or 0.0)
        for name in ("learning_rate", "body_rate"):
            if getattr(self, name) <= 0:
                raise InvalidInput(f"'optimizer.{name}' must be above 0")


@dataclass(frozen=True)
class LossRecipe:
    """What is minimised.

    Args:
        label_smoothing: part of a label that is spread over all classes.
        class_weights: how far rare classes count more: 0 not at all, 1 so that every class
            counts the same, 0.5 by the root of that.
        weighting: of several tasks: "sum", "uncertainty" or "dwa".
    """

    label_smoothing: float
    class_weights: float
    weighting: str

    def __post_init__(self) -> None:
        if self.weighting not in _WEIGHTINGS:
            raise InvalidInput(
                f"no weighting {self.weighting!r}{did_you_mean(self.weighting, _WEIGHTINGS)}"
            )
        _fraction("loss.label_smoothing", self.label_smoothing)
        _at_least("loss.class_weights", self.class_weights, 0)


@dataclass(frozen=True)
class DistillationRecipe:
    """Learning from networks that are trained already.

    Args:
        teachers: {task: preset's name or folder}.
        temperature: that softens both distributions.
        share: of the teacher in the loss; the labels keep the rest.
    """

    teachers: Mapping[str, str]
    temperature: float
    share: float

    def __post_init__(self) -> None:
        _fraction("distillation.share", self.share, highest=1)
        if self.temperature <= 0:
            raise InvalidInput("'distillation.temperature' must be above 0")


@dataclass(frozen=True)
class Recipe:
    """Everything about a training run.

    Args:
        preset: `<architecture>.<tag>`, the preset that it makes.
        summary: one sentence for the card.
        intended_use: for the card.
        limits: for the card.
        licence: SPDX identifier of the weights.
        seed: of the first weights, the shuffling, the augmentation and the dropout.
        epochs: passes over the training pictures.
        batch: pictures in a step.
        arguments: of the factory, without the classes, which follow from the data.
        data: what is trained on.
        preprocessing: pictures → input.
        augmentation: how training pictures are varied.
        optimizer: how the weights move.
        loss: what is minimised.
        weights: what the network starts from: "imagenet", a preset's tag, or a path, in which
            `$CLOTHZOO_DATA` stands for the folder of data sets; None for random weights.
        distillation: teachers, if any.
        dtype: what the network computes in while it learns: "float32" (also None), or
            "mixed_bfloat16", which keeps the weights in float32. What is published, and its
            figures, are float32 in both cases.
    """

    preset: str
    summary: str
    intended_use: str
    limits: str
    licence: str
    seed: int
    epochs: int
    batch: int
    arguments: Mapping[str, Any]
    data: DataRecipe
    preprocessing: Preprocessing
    augmentation: Augmentation
    optimizer: OptimizerRecipe
    loss: LossRecipe
    weights: str | None = None
    distillation: DistillationRecipe | None = None
    dtype: str | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            _at_least(name, getattr(self, name), 1)
        if self.dtype is not None and self.dtype not in _DTYPES:
            raise InvalidInput(f"no dtype {self.dtype!r}{did_you_mean(self.dtype, _DTYPES)}")
        architecture, dot, tag = self.preset.partition(".")
        if not (architecture and dot and tag):
            raise InvalidInput(f"'preset' must be <architecture>.<tag>, not {self.preset!r}")
        if self.optimizer.keep and self.weights is None:
            raise InvalidInput(
                "'optimizer.keep' keeps what the network started from, and this recipe names no "
                "'weights'; random ones are not worth keeping"
            )
        if self.distillation is not None:
            for task in self.distillation.teachers:
                if task not in self.data.tasks:
                    raise InvalidInput(
                        f"'distillation.teachers.{task}' teaches no task of this recipe"
                        f"{did_you_mean(task, self.data.tasks)}"
                    )

    @property
    def architecture(self) -> str:
        """The id before the dot."""
        return self.preset.partition(".")[0]

    def to_toml(self) -> str:
        """The recipe's file; the same text for equal recipes."""
        return toml.dumps(self)


def list_recipes() -> list[str]:
    """Names of the recipes that come with clothzoo, sorted."""
    return sorted(path.stem for path in _SHIPPED.glob("*.toml"))


def load_recipe(recipe: str | Path) -> Recipe:
    """Read a recipe.

    Args:
        recipe: the name of a shipped one, or a TOML file's path.

    Returns:
        The record.

    Raises:
        RecipeNotFound: there is no such recipe.
        InvalidInput: a key is missing or unknown, or a value cannot be used; the message names
            file and key.

    Example:
        >>> from clothzoo.training import load_recipe
        >>> load_recipe("conventional_cnn.fashion_mnist").architecture
        'conventional_cnn'
    """
    path = _SHIPPED / f"{recipe}.toml"
    if not path.is_file():
        path = Path(recipe)
    if not path.is_file():
        raise RecipeNotFound(
            f"no recipe {str(recipe)!r}{did_you_mean(str(recipe), list_recipes())}"
        )
    return toml.loads(path.read_text(encoding="utf-8"), Recipe, name=path)


def _at_least(name: str, value: float, lowest: float) -> None:
    if value < lowest:
        raise InvalidInput(f"'{name}' must be at least {lowest}, not {value!r}")


def _fraction(name: str, value: float, highest: float | None = None) -> None:
    if not 0 <= value <= 1 or (highest is None and value == 1):
        raise InvalidInput(f"'{name}' must be from 0 to 1, not {value!r}")
