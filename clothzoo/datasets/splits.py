"""Splitting records so that what belongs together stays together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clothzoo.datasets.record import Record
from clothzoo.errors import InvalidInput


def folds(
    records: Sequence[Record], k: int = 5, seed: int = 0, *, task: str = "category"
) -> list[tuple[list[Record], list[Record]]]:
    """Folds for cross-validation: no group is in two of them, and classes are spread evenly.

    Groups are dealt out one by one, those with the most uneven classes first, each to the fold
    where it disturbs the balance of classes and sizes least.

    Args:
        records: with a group each.
        k: number of folds.
        seed: of the order among equal groups.
        task: whose labels are balanced.

    Returns:
        k pairs (training records, validation records), each in the records' order.

    Raises:
        InvalidInput: a record has no group, or there are fewer groups than folds.

    Reference:
        The greedy assignment of scikit-learn's StratifiedGroupKFold.
    """
    names = [record.group for record in records]
    if None in names:
        lone = records[names.index(None)].id
        raise InvalidInput(f"record {lone!r} has no group; folds by group need one on each")
    groups, member = np.unique(np.array(names, dtype=str), return_inverse=True)
    if not 2 <= k <= len(groups):
        raise InvalidInput(f"{len(groups)} groups cannot make {k} folds; k is from 2 to that")
    classes, label = np.unique([str(r.labels.get(task)) for r in records], return_inverse=True)
    counts = np.zeros((len(groups), len(classes)))
    np.add.at(counts, (member, label), 1)
    shares = counts / counts.sum(axis=0)

    shuffled = np.random.default_rng(seed).permutation(len(groups))
    order = shuffled[np.argsort(-counts[shuffled].std(axis=1), kind="stable")]
    held = np.zeros((k, len(classes)))
    fold_of = np.empty(len(groups), dtype=int)
    for group in order:
        unevenness = []
        for fold in range(k):
            held[fold] += shares[group]
            unevenness.append((held.std(axis=0).mean(), held[fold].sum()))
            held[fold] -= shares[group]
        best = min(range(k), key=unevenness.__getitem__)
        held[best] += shares[group]
        fold_of[group] = best
    where = fold_of[member]
    return [
        (
            [r for r, f in zip(records, where, strict=True) if f != fold],
            [r for r, f in zip(records, where, strict=True) if f == fold],
        )
        for fold in range(k)
    ]
