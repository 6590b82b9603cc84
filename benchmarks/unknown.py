"""'This is not clothing': how well each preset's energy tells garments from what is none.

Run: python benchmarks/unknown.py [PRESET ...] [--out docs/images/unknown.svg]
     [--json docs/benchmarks/unknown.json]

Garments are the test split of what the preset was trained on. What is none: the photos that the
clothing data set itself leaves out (its labels "Other", "Skip" and "Not sure"; many do show
clothes, folded, cut off or several at once), and drawn mugs, trees, chairs and empty floors. Prints
the area under the ROC curve, and what the threshold in the preset's record lets pass of each.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve

from clothzoo import list_presets, load, preset
from clothzoo.datasets import clothing
from clothzoo.datasets.rendered import render_objects
from clothzoo.logits import energy
from clothzoo.training.data import dataset_of, evaluation_records
from clothzoo.training.prediction import logits_of

OBJECTS = 300
_COLOURS = {"photos left out": "#0b6b5d", "drawn things": "#c2571a"}


def energies(name: str) -> dict[str, Any]:
    """{"garments" or what is none: energies} of a preset."""
    record = preset(name)
    dataset = dataset_of(record)
    pictures = {
        "garments": evaluation_records(dataset),
        "photos left out": clothing.load("excluded") if dataset.startswith("clothing") else [],
        "drawn things": list(render_objects(OBJECTS)),
    }
    network = load(name, dtype="float32", classifier_activation=None)
    return {
        kind: energy(next(iter(logits_of(network, record.preprocessing, records).values())))
        for kind, records in pictures.items()
        if records
    }


def curve(garments: Any, others: Any) -> tuple[Any, Any, float]:
    """False and true positive rates, and the area below them."""
    scores = np.concatenate([garments, others])
    garment = np.arange(len(scores)) < len(garments)
    rates = roc_curve(garment, scores)
    return rates[0], rates[1], float(roc_auc_score(garment, scores))


def draw(found: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """One panel a preset."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "clothzoo"}):
        figure, panels = pyplot.subplots(
            rows, columns, squeeze=False, figsize=(4.2 * columns, 4.2 * rows), layout="constrained"
        )
        for axes in panels.ravel()[len(found) :]:
            axes.set_visible(False)
        for axes, (name, scores) in zip(panels.ravel(), found.items(), strict=False):
            for kind in list(scores)[1:]:
                wrong, right, area = curve(scores["garments"], scores[kind])
                label = f"{kind}: {area:.3f}"
                axes.plot(wrong, right, color=_COLOURS[kind], label=label)
            axes.set_title(name.replace(".", "\n."), fontsize=10)
            axes.set_xlabel("share of these let pass")
            axes.set_ylabel("share of garments let pass")
            axes.set_aspect("equal")
            axes.legend(title="area", loc="lower right", frameon=False)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
        pyplot.close(figure)


def judged(name: str, scores: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """{kind: how many pictures, the share that the threshold lets pass, the area}."""
    unknown = preset(name).unknown
    found: dict[str, dict[str, float]] = {}
    for kind, energy_of in scores.items():
        found[kind] = {"pictures": len(energy_of)}
        if unknown:
            found[kind]["pass"] = float(np.mean(energy_of >= unknown.threshold))
        if kind != "garments":
            found[kind]["area"] = curve(scores["garments"], energy_of)[2]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("preset", nargs="*", help="all with a threshold where none is named")
    parser.add_argument("--out", type=Path, help="a picture of the curves")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    given = parser.parse_args()
    names = given.preset or [name for name in list_presets() if preset(name).unknown]
    found, report = {}, {}
    for name in names:
        found[name] = energies(name)
        report[name] = judged(name, found[name])
        print(name)
        for kind, figures in report[name].items():
            passed = f"{figures['pass']:6.1%} pass" if "pass" in figures else ""
            area = f"area {figures['area']:.3f}" if "area" in figures else ""
            print(f"  {kind:16} {figures['pictures']:>6,}  {passed}  {area}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if given.out and found:
        draw(found, given.out)
        print(f"Look at {given.out}")


if __name__ == "__main__":
    main()
