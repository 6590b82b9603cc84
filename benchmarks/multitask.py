"""Whether learning two tasks together pays: out-of-fold figures of four networks of one trunk.

Run: python benchmarks/multitask.py [--data FOLDER] [--quick]

MobileNetV2 is tuned on the clothing photos for the category, for `kids`, and for both with shared
and with partially shared layers, by the recipes of these presets but for size and epochs. Each is
trained on four fifths of the senders, five times, and asked of the rest. The runs stay in `--runs`
and are resumed: on two cores the four take about three hours at 128 pixels.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

from clothzoo import training
from clothzoo.training.cross_validation import OutOfFold
from clothzoo.training.recipes import Recipe

ALONE = {
    "category": "transfer_mobilenet_v2.clothing",
    "kids": "transfer_mobilenet_v2.clothing_kids",
}
TOGETHER = ("shared_multitask_cnn.clothing", "partially_shared_multitask_cnn.clothing")
FIGURES = {"category": "accuracy", "kids": "average_precision"}


def recipe_of(name: str, size: int, epochs: int) -> Recipe:
    recipe = training.load_recipe(name)
    preprocessing = replace(recipe.preprocessing, size=(size, size))
    return replace(recipe, preprocessing=preprocessing, epochs=epochs)


def figures_of(found: OutOfFold) -> dict[str, Any]:
    tasks = found.evaluation().tasks
    return {
        task: {
            FIGURES[task]: report.figures[FIGURES[task]],
            "interval": report.intervals[FIGURES[task]],
            "photos": report.n,
            "senders": report.groups,
        }
        for task, report in tasks.items()
    }


def shown(name: str, figures: dict[str, Any], gain: dict[str, Any] | None) -> str:
    parts = [
        f"{task} {of[FIGURES[task]]:.2%} ({of['interval'][0]:.2%} to {of['interval'][1]:.2%})"
        for task, of in figures.items()
    ]
    if gain:
        low, high = gain["interval"]
        parts.append(f"Δm {gain['delta_m']:+.2%} ({low:+.2%} to {high:+.2%})")
    return f"{name:<42} {', '.join(parts)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the clothing dataset; else the usual places")
    parser.add_argument("--runs", type=Path, default=Path("runs/multitask"))
    parser.add_argument("--size", type=int, default=128, help="pixels a side")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="64 pixels, one epoch, two folds")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    given = parser.parse_args()
    size, epochs, k = (64, 1, 2) if given.quick else (given.size, given.epochs, given.folds)
    runs = given.runs / f"{size}-{epochs}-{k}"

    def out_of_fold(name: str) -> OutOfFold:
        recipe = recipe_of(name, size, epochs)
        print(f"{name}: {runs / name}", flush=True)
        return training.cross_validate(recipe, data=given.data, out=runs / name, k=k)

    alone = {task: out_of_fold(name) for task, name in ALONE.items()}
    report: dict[str, Any] = {"size": size, "epochs": epochs, "folds": k, "networks": {}}
    for task, name in ALONE.items():
        report["networks"][name] = {"tasks": figures_of(alone[task])}
    for name in TOGETHER:
        together = out_of_fold(name)
        gain, interval = training.compare(together, alone)
        report["networks"][name] = {
            "tasks": figures_of(together),
            "gain": {"delta_m": gain, "interval": interval},
        }
    print(f"\n{size} × {size} pixels, {epochs} epochs, {k} folds by sender")
    for name, of in report["networks"].items():
        print(shown(name, of["tasks"], of.get("gain")))
    if given.json:
        given.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
