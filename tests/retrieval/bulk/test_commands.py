from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from clothzoo.cli import app
from clothzoo.retrieval.local import LocalIndex
from clothzoo.retrieval.looks import DEFAULT_LOOK, LOOKS
from tests.hub.samples import write_sample
from tests.retrieval.colours import folder_of

PRESET = "conventional_cnn.sample"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_photos_go_through_shards_into_a_catalogue_that_can_be_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample(tmp_path / "presets")
    monkeypatch.setenv("CLOTHZOO_WEIGHTS", str(tmp_path / "presets"))
    photos = folder_of(tmp_path / "p", {"hat/a.png": 10, "hat/b.png": 50, "sock/c.png": 230})
    (photos / "bad.png").write_bytes(b"no picture")
    shards, catalogue = tmp_path / "s", tmp_path / "c"
    command = ["extract", photos, "--out", shards, "--extractor", PRESET, "--labels", "folders"]
    done = run(*command)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("3 described, 1 skipped in ")
    assert "s/skipped" in done.stderr
    again = json.loads(run(*command, "--json").stdout)
    assert (again["described"], again["before"]) == (0, 4)
    refused = run(*command, "--pooling", "max")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("clothzoo: folder of shards ")
    done = run("ingest", shards, "--into", catalogue, "--metric", "manhattan")
    assert done.stdout.startswith("3 added in ")
    assert json.loads(run("ingest", shards, "--into", catalogue, "--json").stdout)["before"] == 3
    hits = json.loads(run("search", photos / "hat/a.png", "--in", catalogue, "--json").stdout)
    assert [hit["id"] for hit in hits["hits"]] == ["hat/b.png", "sock/c.png"]
    assert hits["hits"][0]["attributes"] == {"category": "hat"}
    run("index", photos, "--into", tmp_path / "direct", "--extractor", PRESET)
    with LocalIndex.open(catalogue) as one, LocalIndex.open(tmp_path / "direct") as other:
        assert list(one) == list(other)
        assert (one.metric, other.metric) == ("manhattan", LOOKS[DEFAULT_LOOK].metric)
        assert all((one.get(n).vector == other.get(n).vector).all() for n in one)
