"""Compiling a network, in a process of its own where Keras runs on OpenVINO.

Keras's backend is fixed when it is first imported, and only its OpenVINO backend can hand over a
network whatever backend the user has, or has none. So a second Python builds it.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from clothzoo import errors
from clothzoo.inference import store
from clothzoo.inference.program import Program
from clothzoo.inference.recipe import Recipe

_LOG = logging.getLogger(__name__)
_WORKER = "clothzoo.inference.worker"


def program(recipe: Recipe) -> Program:
    """A compiled network, from the cache if it has been compiled before.

    Args:
        recipe: what is to be compiled.

    Returns:
        The network, ready to run.

    Raises:
        ExtraMissing: OpenVINO is not installed.
        PresetNotFound, WeightsNotFound, …: what Keras's own way to this network would raise.
        CompilationFailed: OpenVINO cannot run this network.
    """
    key = recipe.key()
    found = store.find(key)
    if found is not None:
        return found
    with _alone(key):
        found = store.find(key)  # another process may have compiled it while this one waited
        if found is not None:
            return found
        _LOG.info("compiling %s for this processor, once", recipe.source)
        blob, record = compile_apart(recipe.to_json())
        try:
            store.keep((key, _spelt_out(recipe, record).key()), blob, record)
        except OSError as error:
            _LOG.warning("the compiled network cannot be kept in %s: %s", store.folder(), error)
    return Program(blob, record)


def _spelt_out(recipe: Recipe, record: Mapping[str, Any]) -> Recipe:
    """The recipe by which a catalogue asks for the network that it was filled with."""
    return replace(recipe, preprocessing=record["preprocessing"], precision=record["precision"])


def compile_apart(job: str) -> tuple[bytes, dict[str, Any]]:
    """Compile in a second process.

    Args:
        job: `Recipe.to_json()`.

    Returns:
        The compiled network and its record; see `Program`.

    Raises:
        ClothzooError: what went wrong there.
    """
    with tempfile.TemporaryDirectory(prefix="clothzoo-") as folder:
        environment = {
            **os.environ,
            "KERAS_BACKEND": "openvino",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        done = subprocess.run(
            [sys.executable, "-m", _WORKER, folder],
            input=job,
            text=True,
            capture_output=True,
            env=environment,
            check=False,
        )
        answer = Path(folder, "answer.json")
        if not answer.is_file():
            reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise errors.CompilationFailed(
                f"OpenVINO cannot compile this network: {reason}; use runtime='keras'"
            )
        record = json.loads(answer.read_text(encoding="utf-8"))
        if "error" in record:
            raise getattr(errors, record["error"])(record["message"])
        return Path(folder, "network.blob").read_bytes(), record


def _alone(key: str) -> Any:
    try:
        store.folder().mkdir(parents=True, exist_ok=True)
    except OSError:
        return nullcontext()
    return FileLock(store.folder() / f"{key}.lock")
