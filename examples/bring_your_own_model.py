"""Search with a model that clothzoo has never seen: any Keras model with one image input.

    python examples/bring_your_own_model.py                       # a small one, made here
    python examples/bring_your_own_model.py --model mobilenet     # keras.applications; fetches
    python examples/bring_your_own_model.py --model keras_hub     # keras_hub; fetches
    python examples/bring_your_own_model.py --model mine.keras --size 224 --layer some_layer

Two things have to be said of it: how photos are prepared, and which layer's map describes them.
Garments are drawn; `hits.png` shows what is found.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras

import clothzoo
from clothzoo.datasets import rendered
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval.report import sheet_of, write_picture
from clothzoo.training import Feeder


def main(model: str, layer: str | None, size: int, out: Path, garments: int, epochs: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    folder = out / "photos"
    if not folder.exists():
        rendered.write(rendered.render(garments, views=3), folder)

    network, level, preprocessing = named(model, layer, size, 10 * garments, epochs)
    print(f"{network.name}: {network.count_params():,} parameters, described by {level!r}")
    with clothzoo.RetrievalEngine(
        network, level=level, preprocessing=preprocessing, metric="braycurtis"
    ) as engine:
        print(engine.add_folder(folder, labels=folder / "labels.csv"))
        query = next(iter(engine))
        hits = engine.search(query, k=10)
        same = sum(h.attributes["category"] == engine.attributes(query)["category"] for h in hits)
        print(f"{same} of {len(hits)} hits for {query} are of its category")
        write_picture(out / "hits.png", sheet_of(engine, query, hits))
    print(f"Look at {out / 'hits.png'}")


def named(
    model: str, layer: str | None, size: int, lessons: int, epochs: int
) -> tuple[keras.Model, str, Preprocessing]:
    """The model, the layer that describes photos, and how they are prepared for it."""
    if model == "small":
        return small(lessons, epochs), layer or "features", Preprocessing(size=(48, 48))
    if model == "mobilenet":
        network = keras.applications.MobileNetV3Small(include_top=False, input_shape=(224, 224, 3))
        # It scales pixels inside; they come as they are, from 0 to 255.
        return network, layer or network.layers[-1].name, Preprocessing((224, 224), scale=1.0)
    if model == "keras_hub":
        import keras_hub

        backbone = keras_hub.models.Backbone.from_preset(
            "resnet_18_imagenet", image_shape=(224, 224, 3)
        )
        return backbone, layer or backbone.layers[-1].name, Preprocessing(size=(224, 224))
    network = keras.saving.load_model(model)
    return network, layer or network.layers[-2].name, Preprocessing(size=(size, size))


def small(lessons: int, epochs: int) -> keras.Model:
    """A network of one's own, taught kinds of drawn garments for a moment."""
    keras.utils.set_random_seed(0)
    labels = {"category": rendered.LABELS["category"]}
    network = keras.Sequential(
        [
            keras.Input((48, 48, 3)),
            keras.layers.Conv2D(24, 5, strides=2, activation="relu"),
            keras.layers.Conv2D(48, 3, strides=2, activation="relu"),
            keras.layers.Conv2D(64, 3, activation="relu", name="features"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(len(labels["category"]), activation="softmax"),
        ],
        name="small",
    )
    network.compile("adam", "categorical_crossentropy", jit_compile=False)
    records = list(rendered.render(lessons, views=1, size=48, seed=1))
    network.fit(Feeder(records, Preprocessing((48, 48)), labels), epochs=epochs, verbose=2)
    return network


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="small", help="small, mobilenet, keras_hub or a file")
    parser.add_argument("--layer", help="whose map describes photos; the last one where left out")
    parser.add_argument("--size", type=int, default=224, help="of a file's input, in pixels")
    parser.add_argument("--out", type=Path, default=Path("runs/own_model"))
    parser.add_argument("--garments", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=4)
    o = parser.parse_args()
    main(o.model, o.layer, o.size, o.out, o.garments, o.epochs)
