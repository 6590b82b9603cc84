"""The measures, by name. Another one is a row here and its formula in `exact.py` and `plain.py`."""

from __future__ import annotations

from dataclasses import dataclass

from clothzoo.errors import InvalidInput, did_you_mean

MANHATTAN, BRAYCURTIS, EUCLIDEAN, COSINE = range(4)


@dataclass(frozen=True)
class Metric:
    """A distance: smaller is closer.

    Args:
        name: as users write it.
        code: its number in the kernels.
        formula: for documents and error messages.
    """

    name: str
    code: int
    formula: str

    @property
    def of_differences(self) -> bool:
        """Whether it is made of absolute differences; the other measures are of products."""
        return self.code in (MANHATTAN, BRAYCURTIS)


METRICS = {
    metric.name: metric
    for metric in (
        Metric("euclidean", EUCLIDEAN, "sqrt(sum((u - v)^2))"),
        Metric("cosine", COSINE, "1 - u.v / (|u| |v|)"),
        Metric("manhattan", MANHATTAN, "sum(|u - v|)"),
        Metric("braycurtis", BRAYCURTIS, "sum(|u - v|) / sum(|u + v|)"),
    )
}


def find_metric(name: str) -> Metric:
    """The measure of that name.

    Args:
        name: one of `METRICS`.

    Returns:
        Its row of the table.

    Raises:
        InvalidInput: there is none of that name.
    """
    if name not in METRICS:
        raise InvalidInput(f"no metric {name!r}{did_you_mean(str(name), METRICS)}")
    return METRICS[name]
