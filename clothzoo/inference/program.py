"""A compiled network, ready to run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clothzoo.inference.processor import core, openvino

_HINT = {"float32": "f32", "bfloat16": "bf16"}


class Program:
    """A network compiled for this processor; Keras is not needed to run it.

    A photo's result does not depend on what else is in its batch: photos are computed one by one,
    as many at a time as the processor has room for. That is faster than batches are, whose
    intermediate maps do not fit into the processor's caches.

    Safe to use from several threads, which take turns.

    Args:
        blob: what `compiled` gave.
        record: what is known of it: "precision", and "outputs", the name of each output in order
            ("" for the only one).
    """

    def __init__(self, blob: bytes, record: Mapping[str, Any]) -> None:
        self._blob = blob
        self._lock = threading.Lock()
        self.record = record
        self.precision: str = record["precision"]
        self.outputs: tuple[str, ...] = tuple(record["outputs"])
        self.sizes: tuple[int, ...] = tuple(record["sizes"])

    def __call__(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Run the network.

        Args:
            batch: float32 (N, height, width, channels), preprocessed.

        Returns:
            {output's name: float32 (N, size)}.
        """
        out = [np.empty((len(batch), size), np.float32) for size in self.sizes]
        with self._lock:
            if len(batch) == 1:
                results = self._alone(np.ascontiguousarray(batch), share_inputs=True)
                for n, array in enumerate(out):
                    array[0] = results[n][0]
            else:
                self._several(batch, out)
        return dict(zip(self.outputs, out, strict=True))

    def _several(self, batch: NDArray[np.float32], out: list[NDArray[np.float32]]) -> None:
        def keep(request: Any, row: int) -> None:
            for n, array in enumerate(out):
                array[row] = request.get_output_tensor(n).data[0]

        self._queue.set_callback(keep)
        for row in range(len(batch)):
            self._queue.start_async([batch[row : row + 1]], row, share_inputs=True)
        self._queue.wait_all()

    @cached_property
    def _alone(self) -> Any:
        return self._compiled("LATENCY")

    @cached_property
    def _queue(self) -> Any:
        return openvino().AsyncInferQueue(self._compiled("THROUGHPUT"))

    def _compiled(self, hint: str) -> Any:
        return core().import_model(self._blob, "CPU", _settings(self.precision, hint))


def compiled(graph: Any, precision: str) -> bytes:
    """Compile an OpenVINO model for one photo at a time.

    Args:
        graph: `openvino.Model` with one input (N, H, W, C).
        precision: "float32" or "bfloat16".

    Returns:
        What `Program` runs. It is bound to `processor.identity()`.
    """
    shape = graph.input(0).get_partial_shape()
    shape[0] = 1
    graph.reshape(shape)
    model = core().compile_model(graph, "CPU", _settings(precision, "LATENCY"))
    return bytes(model.export_model().getvalue())


def _settings(precision: str, hint: str) -> dict[str, str]:
    return {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": _HINT[precision]}
