"""What `clothzoo evaluate --retrieval` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clothzoo.datasets import Record
    from clothzoo.retrieval.assessment import Assessment
    from clothzoo.retrieval.looks import Wish


@dataclass(frozen=True)
class Search:
    """A search to be measured.

    Args:
        source: a preset's name or folder, or an architecture's id.
        dataset: name of the data; None is what the preset was trained on.
        data: its folder.
        labels: what alike means, each several labels joined by "+".
        other_groups: leave out hits of the query's own group.
        k: how many hits are looked at.
        weights: for an architecture.
        runtime: what computes.
    """

    source: str
    dataset: str | None
    data: Path | None
    labels: Sequence[str]
    other_groups: bool
    k: int
    weights: str | None = None
    runtime: str = "auto"

    def assess(self, wish: Wish) -> Assessment:
        """Measure one descriptor and measure."""
        from clothzoo.retrieval.assessment import assess
        from clothzoo.retrieval.extractor import Extractor

        records = self._records()
        descriptor, metric = wish.settled(self.source)
        extractor = Extractor.build(
            self.source, descriptor, weights=self.weights, runtime=self.runtime
        )
        return assess(
            extractor,
            records,
            self.labels,
            metric=metric,
            k=self.k,
            other_groups=self.other_groups,
        )

    def draw_grid(self, levels: str, folder: Path) -> list[tuple[str, Path]]:
        """Measure every combination; what an earlier run has left there is not run again.

        Args:
            levels: joined by "+".
            folder: where a table and a picture are written for each meaning of alike.

        Returns:
            (what it is, its path) of each file.
        """
        from clothzoo.retrieval import grid, pooled
        from clothzoo.retrieval.descriptors import Descriptor
        from clothzoo.retrieval.evaluation import Relevance
        from clothzoo.retrieval.extractor import Extractor
        from clothzoo.retrieval.figures import heat_map

        records = self._records()
        names = Descriptor(levels).levels
        poolings = ("grid2", "max", "gem")
        extractor = Extractor.build(
            self.source,
            pooled.everything([(level, how) for level in names for how in poolings]),
            weights=self.weights,
            runtime=self.runtime,
        )
        maps = pooled.extract(extractor, records, folder / "maps.npy")
        written = []
        for labels in self.labels:
            alike = Relevance.of(records, labels.split("+"), other_groups=self.other_groups)
            table, picture = (folder / f"{labels}.{ending}" for ending in ("parquet", "png"))
            rows = grid.run(grid.cells(names), maps, alike, table, k=self.k)
            heat_map(rows, picture, title=f"{self.source}: alike by {labels}, P@{self.k}")
            written += [("table", table), ("picture", picture)]
        return written

    def _records(self) -> list[Record]:
        from clothzoo.hub import presets
        from clothzoo.retrieval.extractor import is_preset
        from clothzoo.training.data import dataset_of, evaluation_records

        dataset = self.dataset
        if dataset is None and is_preset(self.source):
            dataset = dataset_of(presets.preset(self.source))
        return evaluation_records(dataset or "rendered", self.data)
