"""The process that compiles: `python -m clothzoo.inference.worker FOLDER < recipe.json`.

It writes `network.blob` and `answer.json` to the folder. Keras must run on OpenVINO.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.errors import ClothzooError, InvalidInput
from clothzoo.hub import fetch, presets
from clothzoo.inference.layout import cancel_transposes
from clothzoo.inference.processor import core, has_bfloat16
from clothzoo.inference.program import Program, compiled
from clothzoo.inference.recipe import Recipe
from clothzoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

MODEL = ".keras"
"""A recipe's source that ends so is a saved model of the user's own."""

OVERLAP = 0.98
"""What share of the ten nearest must be the same for a lower precision to be taken."""

_GARMENTS, _VIEWS, _SIZE = 40, 3, 128


def main() -> None:
    """Compile what standard input describes."""
    folder = Path(sys.argv[1])
    try:
        answer = _compile(Recipe.from_json(sys.stdin.read()), folder / "network.blob")
    except ClothzooError as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


def _compile(recipe: Recipe, out: Path) -> dict[str, Any]:
    model, preprocessing, known = _network(recipe)
    graph = _graph(model)
    blob, record = compiled(graph, "float32"), {**known, "precision": "float32"}
    if recipe.precision == "bfloat16" or (recipe.precision == "auto" and has_bfloat16()):
        rough = compiled(graph, "bfloat16")
        changed = {**known, "precision": "bfloat16"}
        share = overlap(Program(blob, record), Program(rough, changed), preprocessing)
        record["bfloat16_overlap"] = share
        if share >= OVERLAP:
            blob, record = rough, {**record, **changed}
        elif recipe.precision == "bfloat16":
            raise InvalidInput(
                f"{recipe.source!r} in bfloat16 finds only {share:.1%} of the hits that it finds "
                "in float32; use precision='float32'"
            )
    out.write_bytes(blob)
    return record


def _network(recipe: Recipe) -> tuple[keras.Model, Preprocessing, dict[str, Any]]:
    """The Keras model, how photos are prepared for it, and what is to be known of it later."""
    from clothzoo.retrieval import network
    from clothzoo.retrieval.descriptors import Descriptor

    preprocessing = recipe.preprocessing and Preprocessing.from_dict(recipe.preprocessing)
    made_of: dict[str, str] = {}
    if recipe.source.endswith(MODEL):
        import keras

        model = keras.saving.load_model(recipe.source, compile=False)
    else:
        _, model, preprocessing = network.load_source(
            recipe.source, recipe.weights, preprocessing or None
        )
        if recipe.weights is None:
            made_of = _weights_file(recipe.source)
    assert isinstance(preprocessing, Preprocessing)
    facts: dict[str, Any] = {"preprocessing": preprocessing.to_dict(), "made_of": made_of}
    if recipe.descriptor is None:
        names = [""]
        if isinstance(model.output, dict):
            import keras

            names = keras.tree.flatten({task: task for task in model.output})  # Keras's own order
        named: dict[str, Any] = {
            "outputs": names,
            "sizes": [output.shape[-1] for output in model.outputs],
        }
        return model, preprocessing, {**facts, **named}
    cut = network.KerasNetwork(model, Descriptor.from_dict(recipe.descriptor))
    network.check_fit(model, preprocessing)
    named = {"outputs": [""], "sizes": [cut.dim], "parts": list(cut.sizes)}
    named["weights_sha256"] = cut.weights_sha256()
    return cut.model, preprocessing, {**facts, **named}


def _weights_file(source: str) -> dict[str, str]:
    """{path: sha256} of a preset's weights; of any other file the hash is in the key."""
    preset = presets.preset(source)
    path = fetch.fetch(preset, presets.folder(source)).path
    return {str(path.resolve()): preset.sha256}


def _graph(model: keras.Model) -> Any:
    with tempfile.TemporaryDirectory(prefix="clothzoo-") as folder:
        path = Path(folder, "network.xml")
        model.export(str(path), format="openvino", verbose=False)
        graph = core().read_model(path.read_bytes(), path.with_suffix(".bin").read_bytes())
    cancel_transposes(graph)
    return graph


def overlap(exact: Program, rough: Program, preprocessing: Preprocessing) -> float:
    """How many of the ten nearest two programs agree on, over drawn garments.

    Args:
        exact: a compiled network.
        rough: the same in a lower precision.
        preprocessing: how photos are prepared for them.

    Returns:
        A share from 0 to 1, the least of all outputs. For a whole network, which ends in logits,
        it is the share of photos on which the best label is the same.
    """
    from clothzoo.datasets.rendered import render
    from clothzoo.similarity import nearest

    photos = preprocessing([record.image for record in render(_GARMENTS, _VIEWS, size=_SIZE)])
    shares = []
    for name, expected in exact(photos).items():
        found = rough(photos)[name]
        if "weights_sha256" in exact.record:  # of a cut network, which gives descriptors
            shares.append(_shared(nearest(expected, expected)[0], nearest(found, found)[0]))
        else:
            shares.append(np.mean(expected.argmax(axis=1) == found.argmax(axis=1)))
    return float(min(shares))


def _shared(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    return float(np.mean([len(set(x) & set(y)) / len(x) for x, y in zip(a, b, strict=True)]))


if __name__ == "__main__":
    main()
