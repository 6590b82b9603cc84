"""Release notes, the citation and the templates say what the project says."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path

import pytest
import yaml

import clothzoo
from tests.documents.blocks import ROOT

CHANGELOG = """# Changelog

## [Unreleased]

## [0.2.0] - 2030-02-01

### Added

- Second.

## [0.1.0] - 2030-01-01

- First.
"""


def test_the_notes_of_a_release_are_its_section() -> None:
    section = runpy.run_path(str(ROOT / "tools" / "release_notes.py"))["section"]
    assert section(CHANGELOG, "0.2.0") == "### Added\n\n- Second.\n"
    assert section(CHANGELOG, "0.1.0") == "- First.\n"
    for nothing in ("0.3.0", "Unreleased", "0.2"):
        with pytest.raises(KeyError):
            section(CHANGELOG, nothing)


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == clothzoo.__version__
    assert citation["license"] == project["license"]


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / ".github").rglob("*.yml")),
    ids=lambda path: path.relative_to(ROOT / ".github").as_posix(),
)
def test_what_github_reads_is_yaml(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_the_workflow_runs_what_must_be_green() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["check"]["steps"]
    assert ".ci/run" in [step.get("run") for step in steps]
