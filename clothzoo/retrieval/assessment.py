"""What a search is worth on labelled photos: quality, and what it costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clothzoo.datasets.record import Record
from clothzoo.retrieval.evaluation import MEASURES, Judged, Relevance, judge_distances
from clothzoo.retrieval.extractor import Extractor, Vectors
from clothzoo.similarity import Gallery, pairwise_distances

Table = tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]

_TIMED = 50  # queries whose time is taken


@dataclass(frozen=True)
class Assessment:
    """The figures of a search.

    Args:
        name: of the extractor.
        descriptor: its recipe, for people.
        metric: name of the distance.
        photos: how many there were.
        bytes_each: size of one photo's vector in a catalogue.
        speed: photos described in a second, reading included.
        milliseconds: median time of one search among all photos, its photo described already.
        judged: {labels joined by "+": the figures}.
    """

    name: str
    descriptor: str
    metric: str
    photos: int
    bytes_each: int
    speed: float
    milliseconds: float
    judged: Mapping[str, Judged]

    def tables(self) -> list[Table]:
        """For people: (title, columns, rows)."""
        made: list[Table] = []
        for labels, found in self.judged.items():
            title = f"{self.name}, {self.descriptor}, {self.metric}: alike by {labels}"
            groups = len(np.unique(found.groups))
            rows = []
            for measure in MEASURES:
                low, high = found.interval(measure)
                name = measure.replace("@k", f"@{found.k}")
                rows.append((name, f"{found[measure]:.4f}", f"{low:.4f} – {high:.4f}"))
            rows += [("queries", f"{len(found.queries):,}", ""), ("photos", f"{found.n:,}", "")]
            made.append((title, ("figure", "value", f"95 % by {groups:,} groups"), rows))
        cost = [
            ("bytes a photo", f"{self.bytes_each:,}"),
            ("photos described a second", f"{self.speed:.1f}"),
            (f"ms a query among {self.photos:,}", f"{self.milliseconds:.2f}"),
        ]
        made.append(("what it costs", ("figure", "value"), cost))
        return made

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "extractor": self.name,
            "descriptor": self.descriptor,
            "metric": self.metric,
            "photos": self.photos,
            "bytes_each": self.bytes_each,
            "photos_per_second": self.speed,
            "milliseconds_per_query": self.milliseconds,
            "alike": {
                labels: {
                    "k": found.k,
                    "queries": len(found.queries),
                    "figures": {name: found[name] for name in MEASURES},
                    "intervals": {name: list(found.interval(name)) for name in MEASURES},
                }
                for labels, found in self.judged.items()
            },
        }


def assess(
    extractor: Extractor,
    records: Sequence[Record],
    labels: Sequence[str],
    *,
    metric: str,
    k: int = 10,
    other_groups: bool = False,
) -> Assessment:
    """Let every record search for those that are alike among the others.

    Args:
        extractor: what makes the vectors.
        records: labelled pictures.
        labels: what counts as alike, each several labels joined by "+", as in "category+kids".
        metric: a name from `clothzoo.similarity.METRICS`.
        k: how many hits are looked at.
        other_groups: leave out hits of the query's own group.

    Raises:
        InvalidInput: there is no such label or measure, or it means nothing on these vectors.
        UnreadablePhoto: the first picture that cannot be decoded.
    """
    descriptor = extractor.descriptor
    if descriptor is not None:
        descriptor.check_metric(metric)
    alike = {
        names: Relevance.of(records, names.split("+"), other_groups=other_groups)
        for names in labels
    }
    started = time.perf_counter()
    vectors = extractor.describe([record.image for record in records])
    speed = len(records) / (time.perf_counter() - started)
    distances = pairwise_distances(vectors, metric=metric)
    return Assessment(
        name=str(extractor.fingerprint["extractor"]),
        descriptor="its own vectors" if descriptor is None else str(descriptor),
        metric=metric,
        photos=len(records),
        bytes_each=vectors[:1].nbytes,
        speed=speed,
        milliseconds=milliseconds(vectors, metric, k),
        judged={
            names: judge_distances(lambda rows: distances[rows], relevance, k=k)
            for names, relevance in alike.items()
        },
    )


def milliseconds(vectors: Vectors, metric: str, k: int = 10) -> float:
    """Median time of one search among these vectors, by some of them."""
    gallery = Gallery(vectors, metric)
    chosen = np.linspace(0, len(vectors) - 1, min(_TIMED, len(vectors))).astype(int)
    gallery.search(vectors[chosen[0]], k)  # what is compiled on first use
    times = []
    for row in chosen:
        started = time.perf_counter()
        gallery.search(vectors[row], k)
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)
