"""Commands about networks: `models`, `classify` and `export`."""

from __future__ import annotations

import ast
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from clothzoo.cli.app import app
from clothzoo.cli.output import AsJson, bar, preset_names, print_json, print_table
from clothzoo.cli.parsing import BoxOption, RuntimeOption, parse_box


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the architectures and the presets of each."""
    from clothzoo.hub.presets import list_presets
    from clothzoo.models import list_models

    rows = [(name, _summary(name), list_presets(f"{name}.*")) for name in list_models()]
    if as_json:
        keys = ("architecture", "summary", "presets")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    tags = [", ".join(preset.partition(".")[2] for preset in presets) for *_, presets in rows]
    table = [(name, summary, tag) for (name, summary, _), tag in zip(rows, tags, strict=True)]
    print_table(("architecture", "what it is", "presets"), table)


@app.command()
def classify(
    photos: Annotated[list[Path], typer.Argument(help="One photo or more.")],
    preset: Annotated[
        str,
        typer.Option("--preset", "-p", help="Which network to ask.", autocompletion=preset_names),
    ],
    top: Annotated[int, typer.Option(min=1, help="How many labels to show.")] = 5,
    box: BoxOption = None,
    reject: Annotated[
        bool, typer.Option("--reject", help="Say unknown of what is no clothing.")
    ] = False,
    runtime: RuntimeOption = "auto",
    as_json: AsJson = False,
) -> None:
    """Say what garment is on photos.

    Photos that cannot be read are named on standard error; the exit code is then 1.
    """
    from clothzoo.classification import classifier, rankings
    from clothzoo.errors import UnreadablePhoto

    garment = parse_box(box)
    network = classifier(preset, runtime)
    answers, failed = {}, False
    for photo, answer in network.stream(photos, box=garment, top=top, reject=reject):
        if isinstance(answer, UnreadablePhoto):
            print(f"clothzoo: {answer}", file=sys.stderr)
            failed = True
        else:
            answers[str(photo)] = answer
    if as_json:
        print_json([{"photo": photo, "answer": answer} for photo, answer in answers.items()])
    else:
        rows = [
            (photo, task, label, f"{probability:.3f}", bar(probability))
            for photo, answer in answers.items()
            for task, ranking in rankings(answer).items()
            for label, probability in ranking
        ]
        print_table(("photo", "task", "label", "probability", ""), rows)
    if failed:
        raise typer.Exit(1)


@app.command()
def export(
    preset: Annotated[str, typer.Argument(help="Which network.", autocompletion=preset_names)],
    out: Annotated[Path, typer.Option(help="The new file or, for tf_saved_model, folder.")],
    format: Annotated[  # noqa: A002 - the option is --format
        str, typer.Option(help="onnx, openvino, litert or tf_saved_model.")
    ] = "onnx",
    as_json: AsJson = False,
) -> None:
    """Write a network for another runtime, checked for equal outputs."""
    from clothzoo import export as exporting

    written = exporting.export(preset, format, out)
    if as_json:
        print_json({"preset": preset, "format": format, "path": str(written)})
    else:
        print(written)


def _summary(architecture: str) -> str:
    """First line of an architecture's file, read without importing it and Keras with it."""
    spec = find_spec(f"clothzoo.models.{architecture}")
    assert spec is not None
    assert spec.origin is not None
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".")
