"""Options that are written as short texts: boxes and conditions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from clothzoo.datasets.photo import Box

BoxOption = Annotated[
    str | None,
    typer.Option("--box", metavar="X,Y,W,H", help="The garment in the photo, in pixels."),
]
RuntimeOption = Annotated[
    str, typer.Option(help="What computes: keras, openvino, or auto for the faster one.")
]
WeightsOption = Annotated[
    str | None, typer.Option(help="For an architecture: imagenet, a preset's tag, or a file.")
]
BUNDLED = "transfer_mobilenet_v2.retrieval"
"""What `clothzoo.retrieval.looks.DEFAULT_EXTRACTOR` is called, without importing it for a help."""

LookOption = Annotated[
    str | None,
    typer.Option(
        help="What alike means: same-kind, same-look or same-garment.",
        show_default="what the catalogue has, or same-look",
    ),
]
LevelOption = Annotated[
    str | None,
    typer.Option(
        help="low, mid, high, a layer, lab or hsv for the colours, or several joined by +; "
        "0.5*high counts half.",
        show_default="the look's",
    ),
]
PoolingOption = Annotated[
    str | None,
    typer.Option(
        help="avg, max, gem, grid4 (or any number) or flatten; one for all levels, or one for "
        "each joined by +.",
        show_default="the look's",
    ),
]
NormalisationOption = Annotated[
    str | None,
    typer.Option(help="none, l1, l2, hellinger or power.", show_default="the look's"),
]
MetricOption = Annotated[
    str | None,
    typer.Option(help="braycurtis, cosine, euclidean or manhattan.", show_default="the look's"),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="NAME=VALUE",
        help="Only hits with this attribute. The same name twice: one of the values. "
        "LOW..HIGH: a range; either end may be left out.",
    ),
]


def parse_box(text: str | None) -> Box | None:
    """`10,20,300,400` → (10, 20, 300, 400).

    Raises:
        typer.BadParameter: it is not four whole numbers.
    """
    if text is None:
        return None
    numbers = re.fullmatch(r"(\d+),(\d+),(\d+),(\d+)", text.replace(" ", ""))
    if numbers is None:
        raise typer.BadParameter(f"{text!r} is not X,Y,WIDTH,HEIGHT in pixels", param_hint="--box")
    x, y, width, height = map(int, numbers.groups())
    return x, y, width, height


def parse_where(texts: Sequence[str] | None) -> dict[str, Any] | None:
    """`["category=dress", "price=0..50"]` → {"category": ["dress"], "price": (0, 50)}.

    A value that reads as a number or truth value stands for that and for the text alike.

    Raises:
        typer.BadParameter: there is no "=", or a range beside other conditions on its name.
    """
    where: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        low, dots, high = value.partition("..")
        if not (equals and name) or (dots and not (low or high)):
            raise typer.BadParameter(
                f"{text!r} is not NAME=VALUE or NAME=LOW..HIGH", param_hint="--where"
            )
        if dots:
            if name in where:
                raise typer.BadParameter(
                    f"{name!r} has a range and another condition", param_hint="--where"
                )
            where[name] = (_scalar(low) if low else None, _scalar(high) if high else None)
        elif isinstance(where.setdefault(name, []), list):
            where[name] += dict.fromkeys((value, _scalar(value)))
        else:
            raise typer.BadParameter(
                f"{name!r} has a range and another condition", param_hint="--where"
            )
    return where or None


def _scalar(text: str) -> Any:
    try:
        value = json.loads(text.lower())
    except ValueError:
        return text
    return value if isinstance(value, (bool, int, float)) else text
