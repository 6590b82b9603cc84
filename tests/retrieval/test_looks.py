from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from clothzoo.classification import Classifier
from clothzoo.errors import InvalidInput
from clothzoo.hub.presets import list_presets
from clothzoo.models import ConventionalCNN
from clothzoo.preprocessing import Preprocessing
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.retrieval.engine import RetrievalEngine
from clothzoo.retrieval.expansion import Expansion
from clothzoo.retrieval.looks import (
    DEFAULT_EXTRACTOR,
    DEFAULT_LOOK,
    LOOKS,
    MEANING,
    Look,
    Wish,
    look_of,
    metric_of,
    served,
)
from clothzoo.retrieval.preference import Preference
from tests.retrieval.colours import extractor, picture

GREY = Preprocessing(size=(28, 28), color="grey")
REDS = range(0, 250, 25)


def embedding() -> keras.Model:
    x = keras.Input((28, 28, 1))
    y = keras.layers.Dense(4, name="embedding")(keras.layers.Flatten(name="flat")(x))
    return keras.Model(x, y, name="own")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return ConventionalCNN(input_shape=(28, 28, 1), classes=3)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    """It is sure of a hat on a bright photo, and not sure on a dark one."""
    x = keras.Input((4, 4, 3))
    light = keras.layers.GlobalAveragePooling2D(name="light")(x)
    kernel = np.array([[8, -8], [0, 0], [0, 0]], np.float32)
    layer = keras.layers.Dense(2, name="kind")
    network = keras.Model(x, layer(light))
    layer.set_weights([kernel, np.zeros(2, np.float32)])
    return Classifier(network, {"category": ("hat", "sock")}, Preprocessing(size=(4, 4)))


class TestTable:
    def test_every_row_is_a_recipe_with_a_measure_that_fits(self) -> None:
        assert set(LOOKS) == set(MEANING)
        for look in LOOKS.values():
            look.descriptor().check_metric(look.metric)


class TestWish:
    def test_nothing_said_is_the_default_look(self) -> None:
        look = served("inception_cnn")[DEFAULT_LOOK]
        assert look_of("inception_cnn") == look
        assert Wish().settled("inception_cnn") == (look.descriptor(), look.metric)
        assert DEFAULT_EXTRACTOR in list_presets()

    def test_a_level_without_a_look_is_taken_plainly(self) -> None:
        assert Wish(level="mid").settled("inception_cnn") == (Descriptor("mid"), "braycurtis")
        found = Wish(pooling="max", metric="cosine").settled("inception_cnn")
        assert found == (Descriptor("low", "max"), "cosine")

    def test_what_is_said_beside_a_look_takes_its_place(self) -> None:
        look = look_of("transfer_inception_v3", "same-look")
        descriptor, metric = Wish("same-look", metric="manhattan").settled("transfer_inception_v3")
        assert (descriptor, metric) == (look.descriptor(), "manhattan")
        descriptor, metric = Wish("same-look", level="mid").settled("transfer_inception_v3")
        assert (descriptor, metric) == (Descriptor("mid"), look.metric)

    def test_a_misspelt_look_is_corrected(self) -> None:
        with pytest.raises(InvalidInput, match="did you mean 'same-kind'"):
            Wish("same-kid")
        with pytest.raises(InvalidInput, match="did you mean 'same-kind'"):
            look_of("inception_cnn", "same-kid")

    def test_an_extractor_without_levels_says_what_it_serves(self) -> None:
        own = embedding()
        assert Wish().settled(own) == (Descriptor("embedding"), "cosine")
        assert look_of(own, "same-kind") == Look("embedding", metric="cosine")
        with pytest.raises(InvalidInput, match="serves 'same-kind' only, not 'same-look'"):
            Wish("same-look").settled(own)
        assert Wish(level="embedding+lab").settled(own)[0] == Descriptor("embedding+lab")


class TestMeasure:
    @pytest.mark.parametrize("look", MEANING)
    def test_a_descriptor_has_its_looks(self, look: str) -> None:
        assert metric_of({"size": [4, 4], **LOOKS[look].descriptor().to_dict()}) == (
            LOOKS[look].metric
        )

    def test_a_descriptor_of_no_look_has_bray_curtis(self) -> None:
        assert metric_of(Descriptor("low").to_dict()) == "braycurtis"


class TestEngine:
    def test_searches_by_a_look(self, model: keras.Model, tmp_path: Path) -> None:
        found = {}
        for look in MEANING:
            with RetrievalEngine(
                model, look=look, preprocessing=GREY, path=tmp_path / look
            ) as engine:
                engine.add([picture(red) for red in REDS], ids=[str(red) for red in REDS])
                found[look] = engine.search(picture(60), k=3)
            with RetrievalEngine.open(tmp_path / look, extractor=model) as engine:
                assert engine.search(picture(60), k=3) == found[look]
                assert engine.metric == LOOKS[look].metric
                assert engine.extractor.descriptor == LOOKS[look].descriptor()

    def test_an_extractor_has_its_descriptor_already(self) -> None:
        with pytest.raises(InvalidInput, match="has its descriptor already"):
            RetrievalEngine(extractor(), look="same-kind")
        assert RetrievalEngine(extractor()).metric == "braycurtis"
        assert RetrievalEngine(extractor(), metric="cosine").metric == "cosine"


class TestExpansion:
    def test_searches_with_the_mean_of_the_query_and_what_is_near(self) -> None:
        engine = RetrievalEngine(extractor(), metric="cosine")
        photos = [picture(red) for red in REDS]
        engine.add(photos, ids=[str(red) for red in REDS])
        query = engine.extractor.describe(picture(60))[0]
        plain = engine.search(query, k=2)
        vectors = np.stack([engine.index.get(hit.id).vector for hit in plain])
        weights = (1 - np.array([hit.distance for hit in plain])) ** 2
        mean = (query + weights @ vectors) / (1 + weights.sum())
        found = engine.search(query, k=5, expand=Expansion(hits=2, alpha=2))
        expected = engine.search(mean.astype(np.float32), k=5)
        assert [hit.id for hit in found] == [hit.id for hit in expected]

    def test_the_query_is_still_no_hit(self) -> None:
        engine = RetrievalEngine(extractor())
        engine.add([picture(red) for red in REDS], ids=[str(red) for red in REDS])
        found = engine.search(["50", picture(75)], k=20, expand=Expansion())
        assert [len(hits) for hits in found] == [9, 9]
        assert "50" not in [hit.id for hit in found[0]]

    def test_an_empty_catalogue_and_another_measure(self) -> None:
        assert RetrievalEngine(extractor()).search(picture(9), expand=Expansion()) == []
        with pytest.raises(InvalidInput, match="means nothing under euclidean"):
            RetrievalEngine(extractor(), metric="euclidean").search(picture(9), expand=Expansion())
        for wrong in ({"hits": 0}, {"alpha": -1}, {"alpha": float("nan")}):
            with pytest.raises(InvalidInput, match="query expansion needs"):
                Expansion(**wrong)


class TestPreference:
    @pytest.fixture
    def engine(self) -> RetrievalEngine:
        engine = RetrievalEngine(extractor())
        kinds = [{"category": "hat" if red % 50 else "sock"} for red in REDS]
        engine.add([picture(r) for r in REDS], ids=[str(r) for r in REDS], attributes=kinds)
        return engine

    def test_hits_of_a_class_that_is_sure_come_first(
        self, engine: RetrievalEngine, classifier: Classifier
    ) -> None:
        found = engine.search(picture(210), k=8, prefer=Preference(classifier))
        assert [hit.attributes["category"] for hit in found] == ["hat"] * 5 + ["sock"] * 3
        for part in (found[:5], found[5:]):
            assert [h.distance for h in part] == sorted(h.distance for h in part)
        assert len(engine.search(picture(210), k=3, prefer=Preference(classifier))) == 3

    def test_a_doubtful_class_changes_nothing(
        self, engine: RetrievalEngine, classifier: Classifier
    ) -> None:
        plain = engine.search(picture(5), k=8)
        assert engine.search(picture(5), k=8, prefer=Preference(classifier)) == plain
        sure = engine.search(picture(5), k=8, prefer=Preference(classifier, gate=0))
        assert sure != plain

    def test_without_a_photo_there_is_no_class(
        self, engine: RetrievalEngine, classifier: Classifier
    ) -> None:
        wish = Preference(classifier)
        with pytest.raises(InvalidInput, match="a descriptor has none"):
            engine.search(engine.index.get("50").vector, prefer=wish)
        with pytest.raises(InvalidInput, match="that of '50' is not to be found"):
            engine.search("50", prefer=wish)
        with pytest.raises(InvalidInput, match="knows category, not 'kind'"):
            engine.search(picture(5), prefer=Preference(classifier, task="kind"))
        with pytest.raises(InvalidInput, match="probability"):
            Preference(classifier, gate=2)
