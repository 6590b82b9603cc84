from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import clothzoo
from clothzoo.cli import app
from clothzoo.cli.output import print_table
from clothzoo.cli.parsing import BUNDLED, parse_box, parse_where
from clothzoo.datasets import folder
from clothzoo.errors import InvalidInput
from clothzoo.retrieval import grid
from clothzoo.retrieval.assessment import assess
from clothzoo.retrieval.extractor import Extractor
from clothzoo.retrieval.local import LocalIndex
from clothzoo.retrieval.looks import DEFAULT_EXTRACTOR, DEFAULT_LOOK, LOOKS, look_of
from tests.hub.samples import write_sample
from tests.retrieval.colours import folder_of

PRESET = "conventional_cnn.sample"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("presets")
    write_sample(root)
    return root


@pytest.fixture(autouse=True)
def _presets(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOTHZOO_WEIGHTS", str(samples))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    return folder_of(folder, {"hat/a.png": 10, "hat/b.png": 50, "sock/c.png": 230})


@pytest.fixture(scope="module")
def catalogue(photos: Path, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalogues") / "c"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOTHZOO_WEIGHTS", str(samples))
        done = run("index", photos, "--into", path, "--extractor", PRESET, "--labels", "folders")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("3 added in ")
    return path


class TestIndex:
    def test_a_catalogue_that_is_there_knows_its_extractor(
        self, catalogue: Path, photos: Path
    ) -> None:
        done = run("index", photos, "--into", catalogue, "--json")
        assert done.exit_code == 0
        assert json.loads(done.stdout).items() >= {"unchanged": 3, "photos": 3}.items()

    def test_where_nothing_is_said_the_bundled_network_looks(
        self, photos: Path, tmp_path: Path
    ) -> None:
        done = run("index", photos, "--into", tmp_path / "new")
        assert done.exit_code == 0, done.stderr
        with LocalIndex.open(tmp_path / "new") as index:
            assert index.fingerprint["extractor"] == DEFAULT_EXTRACTOR == BUNDLED
            assert index.fingerprint["level"] == LOOKS[DEFAULT_LOOK].level
            assert index.metric == LOOKS[DEFAULT_LOOK].metric

    def test_a_catalogue_that_is_there_is_not_given_another_look(
        self, photos: Path, tmp_path: Path
    ) -> None:
        given = ("index", photos, "--into", tmp_path / "c", "--look")
        assert run(*given, "same-kind").exit_code == 0
        assert run(*given, "same-kind").exit_code == 0
        done = run(*given, "same-look")
        assert done.exit_code == 1
        assert "pooling differ" in done.stderr

    def test_skipped_photos_are_named(self, tmp_path: Path) -> None:
        for number in range(12):
            (tmp_path / f"{number:02}.jpg").write_bytes(b"no picture")
        done = run("index", tmp_path, "--into", tmp_path / "c", "--extractor", PRESET)
        assert "skipped 00.jpg: not an image" in done.stderr
        assert "… and 2 more" in done.stderr
        assert "0 added, 12 skipped" in done.stdout

    def test_takes_a_look(self, photos: Path, tmp_path: Path) -> None:
        done = run(
            "index", photos, "--into", tmp_path / "c", "--extractor", PRESET,
            "--look", "same-garment",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        found = run("search", photos / "hat" / "a.png", "--in", tmp_path / "c", "--expand")
        assert found.stdout.splitlines()[1].split("\t")[2] == "hat/b.png"


class TestSearch:
    def test_prints_plain_lines_into_a_pipe(self, catalogue: Path, photos: Path) -> None:
        done = run("search", photos / "hat" / "a.png", "--in", catalogue)
        head, *rows = [line.split("\t") for line in done.stdout.splitlines()]
        assert head == ["rank", "distance", "id", "category"]
        assert [(row[0], row[2], row[3]) for row in rows] == [
            ("1", "hat/b.png", "hat"),
            ("2", "sock/c.png", "sock"),
        ]

    def test_prints_json_of_hits_that_pass_the_filter(self, catalogue: Path) -> None:
        done = run("search", "hat/a.png", "--in", catalogue, "--where", "category=sock", "--json")
        (hit,) = json.loads(done.stdout)["hits"]
        assert (hit["id"], hit["attributes"]) == ("sock/c.png", {"category": "sock"})

    def test_writes_contact_sheets(self, catalogue: Path, tmp_path: Path) -> None:
        page, sheet = tmp_path / "p.html", tmp_path / "p.png"
        done = run("search", "hat/a.png", "--in", catalogue, "--html", page, "--png", sheet)
        assert done.exit_code == 0
        assert str(page) in done.stderr
        assert "3 photos" in page.read_text(encoding="utf-8")
        assert sheet.stat().st_size > 1000

    def test_an_error_of_ours_is_one_line_and_exit_code_1(self, catalogue: Path) -> None:
        done = run("search", "nowhere.jpg", "--in", catalogue)
        assert done.exit_code == 1
        assert done.stderr.startswith("clothzoo: 'nowhere.jpg' is neither")
        assert done.stderr.count("\n") == 1

    def test_debug_keeps_the_trace(self, catalogue: Path) -> None:
        done = run("--debug", "search", "nowhere.jpg", "--in", catalogue)
        assert isinstance(done.exception, InvalidInput)

    def test_wrong_usage_is_exit_code_2(self, catalogue: Path) -> None:
        for wrong in (("-k", "0"), ("--box", "1,2,3"), ("--where", "category")):
            assert run("search", "hat/a.png", "--in", catalogue, *wrong).exit_code == 2
        assert run("serch").exit_code == 2


class TestErrors:
    def test_a_file_that_cannot_be_written_is_one_line(
        self, catalogue: Path, tmp_path: Path
    ) -> None:
        page = tmp_path / "nowhere" / "p.html"
        done = run("search", "hat/a.png", "--in", catalogue, "--html", page)
        assert done.exit_code == 1
        assert done.stderr == f"clothzoo: no such file or directory: {str(page)!r}\n"

    def test_a_mistake_of_ours_is_one_line_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken() -> list[str]:
            raise KeyError("nothing")

        monkeypatch.setattr("clothzoo.models.list_models", broken)
        done = run("models")
        assert done.exit_code == 1
        assert done.stderr.startswith(
            "clothzoo: KeyError: 'nothing'; this is a mistake in clothzoo"
        )
        assert isinstance(run("--debug", "models").exception, KeyError)

    def test_ctrl_c_is_exit_code_130(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted() -> list[str]:
            raise KeyboardInterrupt

        monkeypatch.setattr("clothzoo.models.list_models", interrupted)
        done = run("models")
        assert done.exit_code == 130
        assert "Traceback" not in done.output

    @pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
    def test_a_reader_that_has_enough_is_no_error(self) -> None:
        command = [
            sys.executable,
            "-c",
            "from clothzoo.cli import main; main()",
            "models",
            "--json",
        ]
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
        os.close(writing)
        assert done.stderr == b""

    def test_what_cannot_be_found_is_said_before_any_work(self, tmp_path: Path) -> None:
        done = run("demo", "--photos", tmp_path / "nowhere", "--out", tmp_path / "out")
        assert done.exit_code == 1
        assert "no folder" in done.stderr
        assert not (tmp_path / "out").exists()
        for command in ("pull", "verify"):
            done = run(command, "zzz")
            assert done.exit_code == 1
            assert "matches 'zzz'" in done.stderr
        assert "no preset matches 'zzz'" in run("presets", "zzz").stderr

    def test_others_need_a_token_for_the_page(self) -> None:
        done = run("demo", "--web", "--host", "0.0.0.0")
        assert done.exit_code == 1
        assert "set CLOTHZOO_TOKEN" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_for_every_shell(shell: str) -> None:
    done = CliRunner().invoke(
        app, [], prog_name="clothzoo", env={"_CLOTHZOO_COMPLETE": f"source_{shell}"}
    )
    assert "_CLOTHZOO_COMPLETE=complete_" in done.stdout


def test_presets_are_completed() -> None:
    typed = {"COMP_WORDS": "clothzoo export conv", "COMP_CWORD": "2"}
    done = CliRunner().invoke(
        app, [], prog_name="clothzoo", env={"_CLOTHZOO_COMPLETE": "complete_bash", **typed}
    )
    assert PRESET in done.stdout.split()


def test_every_command_prints_json(tmp_path: Path) -> None:
    (pulled,) = json.loads(run("pull", PRESET, "--json").stdout)
    assert pulled["preset"] == PRESET
    assert Path(pulled["path"]).is_file()
    verdicts = json.loads(run("verify", PRESET, "--no-run", "--json").stdout)
    assert verdicts == [{"preset": PRESET, "problems": []}]
    plan = json.loads(run("publish", PRESET, "--to", "someone", "--dry-run", "--json").stdout)
    assert (plan["repository"], plan["published"]) == (f"someone/{PRESET}", False)
    assert plan["files"]["preset.toml"] > 0
    assert json.loads(run("presets", "--json").stdout)


class TestEvaluateRetrieval:
    def test_measures_a_search_as_the_library_does(self, photos: Path) -> None:
        data = ("evaluate", PRESET, "--retrieval", "--dataset", "folder", "--data", photos)
        done = run(*data, "-k", 1, "--look", "same-kind", "--json")
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)
        assert found["extractor"] == PRESET
        assert found["alike"]["category"]["queries"] == 2  # the sock has nothing alike
        look = look_of(PRESET, "same-kind")
        extractor = Extractor.build(PRESET, look.descriptor())
        records = folder.load(photos).records
        expected = assess(extractor, records, ["category"], metric=look.metric, k=1)
        assert found["alike"] == expected.to_json()["alike"]
        shown = run(*data, "--level", "low", "--metric", "cosine")
        assert "P@10\t0.1000" in shown.stdout
        assert "bytes a photo" in shown.stdout

    def test_measures_a_whole_grid(self, photos: Path, tmp_path: Path) -> None:
        data = ("evaluate", PRESET, "--retrieval", "--dataset", "folder", "--data", photos)
        done = run(*data, "--grid", tmp_path, "--level", "low+high")
        assert done.exit_code == 0, done.output
        assert len(grid.read(tmp_path / "category.parquet")) == 2 * 4 * 5 * 4
        assert (tmp_path / "category.png").stat().st_size > 1000

    def test_what_says_how_to_search_needs_retrieval(self) -> None:
        done = run("evaluate", PRESET, "--look", "same-kind")
        assert done.exit_code == 2
        assert "--retrieval" in done.stderr


class TestClassify:
    def test_prints_a_line_for_each_label(self, photos: Path) -> None:
        done = run("classify", photos / "hat" / "a.png", "--preset", PRESET, "--top", 2)
        head, *rows = [line.split("\t") for line in done.stdout.splitlines()]
        assert head == ["photo", "task", "label", "probability"]
        expected = clothzoo.classify(photos / "hat" / "a.png", PRESET, top=2)
        assert [(row[2], row[3]) for row in rows] == [(label, f"{p:.3f}") for label, p in expected]

    def test_goes_on_after_a_photo_that_cannot_be_read(self, photos: Path, tmp_path: Path) -> None:
        (tmp_path / "bad.jpg").write_bytes(b"")
        done = run("classify", tmp_path / "bad.jpg", photos / "hat/a.png", "-p", PRESET, "--json")
        assert done.exit_code == 1
        assert "empty file" in done.stderr
        ((answer),) = json.loads(done.stdout)
        assert answer["photo"] == str(photos / "hat/a.png")


def test_models_lists_architectures_and_their_presets() -> None:
    rows = {row["architecture"]: row for row in json.loads(run("models", "--json").stdout)}
    assert list(rows) == clothzoo.list_models()
    assert PRESET in rows["conventional_cnn"]["presets"]
    assert all(row["summary"] for row in rows.values())
    assert "conventional_cnn\t" in run("models").stdout


def test_no_name_is_cut_off_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    print_table(
        ("preset", "figures"), [("transfer_mobilenet_v2.clothing", "accuracy 0.9, top_3 1")]
    )
    drawn = capsys.readouterr().out
    assert "transfer_mobilenet_v2.clothing" in drawn
    assert "…" not in drawn


def test_boxes_and_conditions_are_read() -> None:
    assert parse_box("1,2,30,40") == (1, 2, 30, 40)
    assert parse_box(None) is None
    assert parse_where(["kind=hat", "kind=sock", "price=1..2.5", "kids=true", "n=..7"]) == {
        "kind": ["hat", "sock"],
        "price": (1, 2.5),
        "kids": ["true", True],
        "n": (None, 7),
    }
    assert parse_where([]) is None


_COLD = """
import sys
from typer.testing import CliRunner
from clothzoo.cli import app
from clothzoo.cli.output import print_table
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
assert CliRunner().invoke(app, ["models"]).exit_code == 0
heavy = {"keras", "tensorflow", "numba", "huggingface_hub", "jinja2"} & set(sys.modules)
assert not heavy, heavy
"""


def test_help_and_models_import_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _COLD], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_version_is_printed() -> None:
    assert run("--version").stdout.strip() == f"clothzoo {clothzoo.__version__}"
