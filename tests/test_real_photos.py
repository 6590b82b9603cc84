"""The whole way on real photos: loader, preprocessing, ImageNet weights and extractor together."""

import numpy as np
import pytest

from clothzoo.datasets import clothing_small
from clothzoo.retrieval.descriptors import Descriptor
from clothzoo.retrieval.extractor import Extractor


@pytest.mark.long
def test_a_linear_classifier_on_frozen_features_reaches_89_percent(clothzoo_data):
    linear_model = pytest.importorskip("sklearn.linear_model")
    weights = clothzoo_data / "imagenet" / "inception_v3_google2015_to_mixed8.weights.h5"
    extractor = Extractor.build(
        "transfer_inception_v3", Descriptor(level="high", pooling="avg"), weights=weights
    )

    def features(*splits):
        records = [r for split in splits for r in clothing_small.load(split)]
        pooled = extractor.describe([r.image for r in records])
        # Square roots of shares: Hellinger's kernel.
        shares = np.sqrt(pooled / pooled.sum(axis=1, keepdims=True))
        return shares, [r.labels["category"] for r in records]

    train, labels = features("train", "validation")
    test, truth = features("test")
    # C by five folds grouped by sender over train and validation: 10 → .865, 30 → .869, 60 → .865.
    probe = linear_model.LogisticRegression(C=30, max_iter=3000).fit(train, labels)
    accuracy = (probe.predict(test) == truth).mean()
    print(f"linear probe on mixed8: {accuracy:.2%} of {len(truth)} test photos")
    assert accuracy >= 0.89
