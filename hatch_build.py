"""What of weights/ goes into the wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUNDLED = 8_000_000  # bytes up to which a published preset is carried along
_WHEEL = 95_000_000


class BundledWeights(BuildHookInterface):
    """Every record, and the weights that are small or cannot be had elsewhere."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files; an editable install reads weights/ where it lies."""
        if version == "editable":
            return
        total = 0
        for record in sorted(Path(self.root, "weights").glob("*/preset.toml")):
            bundle = [record]
            weights = record.with_name("model.safetensors")
            published = tomllib.loads(record.read_text(encoding="utf-8"))["source"]["commit"]
            if not published or (weights.is_file() and weights.stat().st_size <= _BUNDLED):
                bundle.append(weights)
                total += weights.stat().st_size
            for path in bundle:
                target = f"clothzoo/weights/{record.parent.name}/{path.name}"
                build_data["force_include"][str(path)] = target
        if total > _WHEEL:
            raise ValueError(
                f"the bundled weights are {total / 1e6:.0f} MB, more than {_WHEEL / 1e6:.0f}: "
                "publish the largest preset, so that the wheel need not carry it"
            )
