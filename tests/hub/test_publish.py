"""Publish, pull and load again, through the unmodified client and a Hub of our own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clothzoo import models
from clothzoo.hub import golden, presets
from clothzoo.hub.files import sha256
from clothzoo.hub.presets import Preset
from tests.hub.loopback_hub import Fault, LoopbackHub, Repository
from tests.hub.samples import environment, run, write_sample

Do = Callable[..., Any]

# A user's session: each line is Python whose value of `answer` comes back, or the error.
_SESSION = """
import json, os, sys
from clothzoo.hub import presets
from clothzoo.hub.publish import publish
for line in sys.stdin:
    wanted = json.loads(line)
    os.environ["HF_TOKEN"] = wanted["token"]
    try:
        exec(wanted["code"])
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    print(json.dumps(answer), file=sys.__stdout__, flush=True)
"""
_NAME = "conventional_cnn.sample"
_PUBLISH = f"answer = publish({_NAME!r}, 'zoo').preset.source.commit"

# Loads each repository with Keras alone, and saves what it gives for seeded pictures.
_KERAS_ALONE = """
import sys, numpy as np
import clothzoo, keras
from clothzoo.hub import golden
for name in sys.argv[1:]:
    model = keras.saving.load_model(f"hf://zoo/{name}")
    preset = clothzoo.preset(name)
    scores = model.predict(preset.preprocessing(golden.pictures(0)), verbose=0)
    scores = scores if isinstance(scores, dict) else {next(iter(preset.labels)): scores}
    np.savez(name + ".npz", **scores)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkout") / "weights"
    root.mkdir()
    write_sample(root)
    write_sample(root, "shared_multitask_cnn")
    return root


@pytest.fixture(scope="module")
def do(hub: LoopbackHub, root: Path) -> Iterator[Do]:
    """Runs code in one process that knows the Hub."""
    given = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_DISABLE_XET": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", _SESSION],
        env=environment(root.parent, CLOTHZOO_WEIGHTS=str(root), **given),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(code: str, token: str = "hf_writer") -> Any:
            print(json.dumps({"code": code, "token": token}), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


@pytest.fixture(scope="module")
def published(hub: LoopbackHub, do: Do) -> str:
    """The commit of the first sample; the second one is published too."""
    commit = do(_PUBLISH)
    do("publish('shared_multitask_cnn.sample', 'zoo'); answer = None")
    return str(commit)


def commits(hub: LoopbackHub) -> list[str]:
    return [c.oid for c in hub.repositories[f"zoo/{_NAME}"].commits]


def test_a_dry_run_asks_nothing_and_changes_nothing(hub: LoopbackHub, do: Do, root: Path) -> None:
    before = (root / _NAME / presets.RECORD).read_bytes()
    answer = do(f"answer = sorted(publish({_NAME!r}, 'zoo', dry_run=True).files)", token="")
    keras_files = ["config.json", "metadata.json", "model.weights.h5"]
    assert answer == sorted([presets.RECORD, presets.WEIGHTS, presets.CARD, *keras_files])
    assert hub.count("POST") == 0
    assert (root / _NAME / presets.RECORD).read_bytes() == before


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "needs a token that may write: set HF_TOKEN or run: hf auth login"),
        ("hf_wrong", "the token is not valid"),
        ("hf_reader", "the token may not write to zoo"),
    ],
)
def test_who_may_not_publish_is_told_why(do: Do, token: str, said: str) -> None:
    answer = do(_PUBLISH, token=token)
    assert answer.startswith("PublishingFailed")
    assert said in answer


def test_one_commit_and_a_tag_hold_everything_and_the_record_names_them(
    hub: LoopbackHub, root: Path, published: str
) -> None:
    repository = hub.repositories[f"zoo/{_NAME}"]
    assert [c.oid for c in repository.commits][1:] == [published]
    assert repository.tags == {"v1": published}
    files = repository.commits[-1].files
    folder = root / _NAME
    preset = Preset.read(folder)
    assert preset.source.commit == published
    assert preset.source.record == sha256(files[presets.RECORD])
    assert files[presets.WEIGHTS] == (folder / presets.WEIGHTS).read_bytes()
    assert f"hf://zoo/{_NAME}" in files[presets.CARD].decode()
    assert Preset.parse(files[presets.RECORD].decode()).sha256 == preset.sha256


def test_publishing_again_changes_nothing(
    hub: LoopbackHub, do: Do, root: Path, published: str
) -> None:
    record = (root / _NAME / presets.RECORD).read_bytes()
    hub.forget()
    assert do(_PUBLISH) == published
    assert commits(hub)[-1] == published
    assert hub.count("PUT|/commit/") == 0
    assert (root / _NAME / presets.RECORD).read_bytes() == record


def test_an_upload_that_broke_off_is_completed(hub: LoopbackHub, do: Do, published: str) -> None:
    name = "conventional_cnn.broken"
    do(
        "import dataclasses, shutil; from clothzoo.hub import save\n"
        f"old = presets.folder({_NAME!r}); new = old.with_name({name!r})\n"
        "shutil.copytree(old, new)\n"
        "p = presets.Preset.read(new)\n"
        "save(dataclasses.replace(p, tag='broken', source=presets.Source()), new); answer = None"
    )
    code = f"answer = publish({name!r}, 'zoo').preset.source.commit"
    for pattern in ("/commit/", "/tag/", "GET /[0-9a-f]{64}"):
        hub.faults = [Fault(pattern, 500, times=1)]
        answer = do(code)
        assert "500" in answer, answer
        hub.forget()
    repository = hub.repositories[f"zoo/{name}"]
    assert do(code) == repository.commits[-1].oid == repository.tags["v1"]
    assert len(repository.commits) == 2


def test_bytes_that_come_back_changed_are_noticed(hub: LoopbackHub, do: Do, published: str) -> None:
    hub.faults = [Fault("GET /[0-9a-f]{64}", "corrupt")]
    assert "comes back with sha256" in do(_PUBLISH)


def test_a_repository_that_somebody_else_changed_is_not_overwritten(
    hub: LoopbackHub, do: Do, root: Path, published: str
) -> None:
    repository = hub.repositories[f"zoo/{_NAME}"]
    record = repository.commits[-1].files[presets.RECORD]
    theirs = {**repository.commits[-1].files, presets.RECORD: record + b"\n"}
    repository.commit(theirs, "somebody else's")
    answer = do(_PUBLISH)
    repository.commits.pop()
    assert answer.startswith("PublishingFailed")
    assert "has moved on" in answer
    assert published in answer


def test_a_commit_in_between_is_a_stale_parent(hub: LoopbackHub, do: Do, published: str) -> None:
    hub.repositories["zoo/shared_multitask_cnn.sample"] = Repository(private=False)
    hub.repositories["zoo/shared_multitask_cnn.sample"].commit({}, "initial commit")
    hub.faults = [Fault("/commit/", 412, times=1)]
    code = "answer = publish('shared_multitask_cnn.sample', 'zoo').preset.source.commit"
    assert "stale parent" in do(code)
    hub.forget()
    assert do(code) == hub.repositories["zoo/shared_multitask_cnn.sample"].commits[-1].oid


def test_a_connection_that_breaks_is_one_sentence(hub: LoopbackHub, do: Do, published: str) -> None:
    hub.faults = [Fault("POST", "drop", times=1)]
    answer = do(_PUBLISH)
    assert answer.startswith(f"PublishingFailed: zoo/{_NAME}: ")
    assert answer.endswith("; try again")


def test_a_private_repository_is_private(hub: LoopbackHub, do: Do, published: str) -> None:
    hub.tokens["hf_writer"].add("closed")
    code = f"publish({_NAME!r}, 'closed', private=True, dry_run=False); answer = None"
    assert do(code) is None
    assert hub.repositories[f"closed/{_NAME}"].private
    assert do(_PUBLISH) == published  # back to where the other tests expect it


def test_keras_alone_loads_what_was_published(
    hub: LoopbackHub, root: Path, tmp_path: Path, published: str
) -> None:
    names = [_NAME, "shared_multitask_cnn.sample"]
    load_with_keras(hub, root, tmp_path, names, "tensorflow")


def test_a_second_revision_leaves_the_first_one_reachable(
    hub: LoopbackHub, do: Do, root: Path, published: str
) -> None:
    first = Preset.read(root / _NAME)
    write_sample(root, seed=1, changed="another seed")
    second = do(_PUBLISH)
    assert hub.repositories[f"zoo/{_NAME}"].tags == {"v1": published, "v2": second}
    answer = do(
        "import clothzoo; from clothzoo.hub.filling import dump\n"
        "from clothzoo.hub.files import sha256\n"
        f"answer = [sha256(dump(clothzoo.load({_NAME!r}, revision=r))) for r in (1, 2, None)]"
    )
    assert answer[0] == first.sha256
    assert answer[1] == answer[2] == Preset.read(root / _NAME).sha256 != first.sha256


def test_other_weights_under_a_published_number_are_refused(
    hub: LoopbackHub, do: Do, root: Path, published: str
) -> None:
    hub.repositories[f"zoo/{_NAME}"].tags["v3"] = published
    record = root / _NAME / presets.RECORD
    text = record.read_text()
    record.write_text(text.replace("revision = 2", "revision = 3"))
    answer = do(_PUBLISH)
    record.write_text(text)
    assert "already has a revision 3 with other weights" in answer


@pytest.mark.long
def test_a_hub_that_does_not_speak_xet_says_so(hub: LoopbackHub, root: Path) -> None:
    name = write_sample(root, tag="xet").name
    code = (
        "from clothzoo.hub.publish import publish\n"
        f"try: publish({name!r}, 'zoo')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    known = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "hf_writer", "CLOTHZOO_WEIGHTS": str(root)}
    said = run(code, root.parent, **known).stdout
    assert said.startswith("PublishingFailed")
    assert "set HF_HUB_DISABLE_XET=1" in said


@pytest.mark.long
@pytest.mark.backend
def test_every_architecture_and_shipped_preset_comes_back_the_same_on_every_backend(
    hub: LoopbackHub, do: Do, root: Path, tmp_path: Path
) -> None:
    names = [write_sample(root, architecture, "all").name for architecture in models.list_models()]
    for shipped in presets.list_presets():
        names.append(shipped)
        shutil.copytree(presets.folder(shipped), root / shipped)
    for name in names:
        answer = do(f"answer = publish({name!r}, 'zoo').preset.source.commit")
        assert answer == hub.repositories[f"zoo/{name}"].commits[-1].oid, answer
    for backend in ("tensorflow", "jax", "torch"):
        load_with_keras(hub, root, tmp_path, names, backend)


def load_with_keras(
    hub: LoopbackHub, root: Path, home: Path, names: list[str], backend: str
) -> None:
    """Load published presets in a fresh process and compare with their golden outputs."""
    known = {"HF_ENDPOINT": hub.endpoint, "CLOTHZOO_WEIGHTS": str(root)}
    code = _KERAS_ALONE.replace("sys.argv[1:]", repr(names))
    run(code, home, timeout=600, KERAS_BACKEND=backend, **known)
    for name in names:
        wanted = Preset.read(root / name).golden.logits
        with np.load(home / f"{name}.npz") as found:
            assert set(found) == set(wanted)
            for task, rows in wanted.items():
                exp = np.exp(np.asarray(rows) - np.max(rows, axis=1, keepdims=True))
                expected = exp / exp.sum(1, keepdims=True)
                np.testing.assert_allclose(found[task], expected, atol=golden.TOLERANCE)
