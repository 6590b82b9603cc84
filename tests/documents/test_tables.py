"""The generated tables are up to date, and say what was measured."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from clothzoo.hub.presets import Preset
from tests.documents.blocks import ROOT


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "tools" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tables"] = module
    spec.loader.exec_module(module)
    return module


def test_every_page_has_the_tables_that_the_records_make(tables: ModuleType) -> None:
    stale = [path.relative_to(ROOT).as_posix() for path in tables.stale(tables.pages())]
    assert not stale, f"run: make tables (out of date: {', '.join(stale)})"


def test_the_readme_has_every_preset(tables: ModuleType) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    records = sorted(ROOT.glob("weights/*/preset.toml"))
    assert records
    for record in records:
        assert f"| `{Preset.read(record.parent).name}` |" in text


def test_an_old_table_is_replaced_and_the_rest_is_kept(tables: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table: measures -->\nold\n<!-- end -->\nafter\n")
    (text,) = tables.stale([page]).values()
    assert text.startswith("before\n<!-- table: measures -->\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "| `braycurtis` |" in text
    assert "old" not in text


def test_the_search_table_gives_ratios_and_the_machine(tables: ModuleType) -> None:
    report = {
        "machine": {
            "processor": "2 × Chip",
            "threads": 2,
            "load when started": 0.1,
            "python": "3.11.9",
            "faiss-cpu": "1.15.1",
        },
        "lines": [
            {
                "work": "braycurtis top-10, 100 × 8, queries: 1",
                "milliseconds": {"clothzoo": 2.0, "faiss flat": 7.0, "scipy": 30.0},
                "ratios": {"clothzoo": 1.0, "faiss flat": 3.5, "scipy": 15.0},
            },
            {
                "work": "cosine top-10, 100 × 8, queries: 1",
                "milliseconds": {"clothzoo": 2.0, "faiss flat": 1.0},
                "ratios": {"clothzoo": 1.0, "faiss flat": 0.5},
            },
            {"work": "reading memory", "gigabytes per second": 10.0},
        ],
    }
    head, _, first, second, *rest = tables.search_report(report).splitlines()
    assert head == "| exact search | clothzoo | faiss flat | scipy |"
    assert first == "| braycurtis top-10, 100 × 8, queries: 1 | 2 ms | 3.5 × | 15.0 × |"
    assert second == "| cosine top-10, 100 × 8, queries: 1 | 2 ms | 0.5 × |  |"
    assert "2 × Chip, 2 threads, load 0.1 at the start; python 3.11.9, faiss-cpu 1.15.1" in rest[1]


def test_the_multitask_table_gives_each_task_and_the_gain(
    tables: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kids = {"average_precision": 0.5, "interval": [0.4, 0.6]}
    category = {"accuracy": 0.8, "interval": [0.75, 0.85]}
    report = {
        "size": 128,
        "epochs": 8,
        "folds": 5,
        "networks": {
            "alone.category": {"tasks": {"category": category}},
            "alone.kids": {"tasks": {"kids": kids}},
            "together": {
                "tasks": {"category": category, "kids": kids},
                "gain": {"delta_m": 0.012, "interval": [-0.01, 0.034]},
            },
        },
    }
    path = tmp_path / "multitask.json"
    monkeypatch.setattr(tables, "MULTITASK", path)
    assert "Not measured" in tables.multitask_table()
    path.write_text(json.dumps(report), encoding="utf-8")
    head, _, first, second, third, *rest = tables.multitask_table().splitlines()
    assert head == "| network | category | kids | Δm (95 %) |"
    assert first == "| `alone.category` | accuracy 80.0 % (75.0 to 85.0) |  |  |"
    assert second == "| `alone.kids` |  | average precision 50.0 % (40.0 to 60.0) |  |"
    assert third.endswith("| +1.2% (-1.0% to +3.4%) |")
    assert "5 folds by sender, 128 pixels" in rest[1]
