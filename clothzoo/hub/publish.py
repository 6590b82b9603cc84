"""A preset onto the Hub: one commit, one tag, and proof that it comes back the same."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clothzoo.errors import ClothzooError, PublishingFailed
from clothzoo.hub import card, golden, presets
from clothzoo.hub.fetch import fetch
from clothzoo.hub.files import sha256
from clothzoo.hub.huggingface import brief
from clothzoo.hub.presets import Preset, Source
from clothzoo.hub.writing import save

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_KERAS = ("config.json", "metadata.json", "model.weights.h5")


@dataclass(frozen=True)
class Publication:
    """What was published, or would be.

    Args:
        preset: the record with its new source.
        files: {name: bytes}.
        tag: the tag on the Hub.
        written: the folder whose record now names the commit; None on a dry run, and where the
            preset lies in an installed package.
    """

    preset: Preset
    files: Mapping[str, int]
    tag: str
    written: Path | None

    @property
    def lines(self) -> str:
        """The lines to put into `preset.toml` where `written` is None."""
        source = self.preset.source
        return (
            f'[source]\nrepository = "{source.repository}"\ncommit = "{source.commit}"\n'
            f'record = "{source.record}"'
        )


def publish(
    name: str | Path, to: str, *, private: bool = False, dry_run: bool = False
) -> Publication:
    """Publish a preset and check what the Hub then gives back.

    Safe to repeat: what is there already is not uploaded again, and an upload that broke off is
    completed. No data set is needed.

    Args:
        name: `<architecture>.<tag>`, or the path of a preset's folder.
        to: a user or organisation on the Hub.
        private: make the repository private.
        dry_run: say what would be uploaded, and touch nothing.

    Returns:
        What was published.

    Raises:
        PublishingFailed: no token, no right to write, a repository that somebody else changed
            meanwhile, or a file that comes back other than it went.
        WeightsCorrupted: the local weights are damaged.
    """
    folder = presets.folder(name)
    preset = Preset.read(folder)
    repository = f"{to}/{preset.name}"
    unpinned = Source(repository, mirrors=preset.source.mirrors)
    published = dataclasses.replace(preset, source=unpinned)
    weights = fetch(preset, folder).data
    files = {
        presets.RECORD: published.to_toml().encode(),
        presets.CARD: card.render(published).encode(),
        presets.WEIGHTS: weights,
        **_keras_files(preset, folder),
    }
    sizes = {file: len(data) for file, data in sorted(files.items())}
    tag = f"v{preset.revision}"
    if dry_run:
        return Publication(published, sizes, tag, None)

    with _explained(repository):
        commit = _upload(preset, repository, files, tag, private=private)
        _check_download(published, repository, commit, files)
    pinned = dataclasses.replace(unpinned, commit=commit, record=sha256(files[presets.RECORD]))
    published = dataclasses.replace(preset, source=pinned)
    in_package = presets.PACKAGED in folder.resolve().parents
    if not in_package:
        save(published, folder)
    return Publication(published, sizes, tag, None if in_package else folder)


def _keras_files(preset: Preset, folder: Path) -> dict[str, bytes]:
    """The three files that `keras.saving.load_model("hf://…")` reads."""
    from clothzoo.models import load

    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "model.keras"
        load(folder).save(archive)
        with zipfile.ZipFile(archive) as opened:
            return {file: opened.read(file) for file in _KERAS}


def _upload(
    preset: Preset, repository: str, files: Mapping[str, bytes], tag: str, *, private: bool
) -> str:
    """Bring the repository to the state wanted; returns the commit that has it."""
    from huggingface_hub import CommitOperationAdd, HfApi, get_token

    if get_token() is None:
        raise PublishingFailed(
            "publishing needs a token that may write: set HF_TOKEN or run: hf auth login"
        )
    api = HfApi()
    api.create_repo(repository, private=private, exist_ok=True)
    tags = {ref.name: ref.target_commit for ref in api.list_repo_refs(repository).tags}
    if tag in tags and _held(api, repository, tags[tag]).get(presets.WEIGHTS) != preset.sha256:
        raise PublishingFailed(
            f"{repository} already has a revision {preset.revision} with other weights; raise "
            f"'revision' in {presets.RECORD} and say under 'changed' what is new"
        )
    head = str(api.model_info(repository).sha)
    held = _held(api, repository, head)
    commit = head
    wanted = {
        presets.RECORD: _git_hash(files[presets.RECORD]),
        presets.WEIGHTS: preset.sha256,
    }
    if held != wanted:
        _check_parent(preset, repository, head, held)
        additions = [CommitOperationAdd(file, data) for file, data in files.items()]
        message = f"Revision {preset.revision}: {preset.changed}"
        commit = api.create_commit(
            repository, additions, commit_message=message, parent_commit=head
        ).oid
    api.create_tag(repository, tag=tag, revision=commit, exist_ok=True)
    return commit


def _held(api: HfApi, repository: str, commit: str) -> dict[str, str]:
    """{record or weights: hash of what a commit holds under that name}."""
    from huggingface_hub.hf_api import RepoFile

    paths = [presets.RECORD, presets.WEIGHTS]
    found = api.get_paths_info(repository, paths, revision=commit)
    return {f.path: f.lfs.sha256 if f.lfs else f.blob_id for f in found if isinstance(f, RepoFile)}


def _check_parent(preset: Preset, repository: str, head: str, held: Mapping[str, str]) -> None:
    """Refuse to write over a state of the repository that this record has never seen."""
    ours = {preset.source.commit, *(e.commit for e in preset.earlier)}
    if held and head not in ours:
        expected = preset.source.commit or (preset.earlier[-1].commit if preset.earlier else "none")
        raise PublishingFailed(
            f"{repository} has moved on: this {presets.RECORD} follows commit {expected}, the "
            f"Hub is at {head}; fetch that record, or publish under another name"
        )


def _check_download(
    published: Preset, repository: str, commit: str, files: Mapping[str, bytes]
) -> None:
    """Download by commit into an empty cache and compare."""
    from huggingface_hub import hf_hub_download

    with tempfile.TemporaryDirectory() as cache:
        for file in (presets.RECORD, presets.WEIGHTS):
            path = hf_hub_download(repository, file, revision=commit, cache_dir=cache)
            found, expected = sha256(Path(path).read_bytes()), sha256(files[file])
            if found != expected:
                raise PublishingFailed(
                    f"{repository}/{file} comes back with sha256 {found}, not {expected}; "
                    "publish it again"
                )
        back = Path(path).read_bytes()
    if (drift := golden.drift(published, back)) > golden.TOLERANCE:
        raise PublishingFailed(
            f"{published.name} no longer gives its golden outputs (off by {drift:.2g} of the "
            "largest logit): Keras or Pillow has changed since it was written"
        )


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    """Turn whatever the client raises (its own errors, its libraries', Xet's) into a sentence."""
    try:
        yield
    except ClothzooError:
        raise
    except Exception as error:
        cause = error.__cause__ if isinstance(error, RuntimeError) else None  # a failed upload
        raise PublishingFailed(f"{repository}: {_reason(cause or error, repository)}") from error


def _reason(error: BaseException, repository: str) -> str:
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        known = {
            401: "the token is not valid; run: hf auth login",
            403: f"the token may not write to {repository.partition('/')[0]}",
            412: "somebody else committed meanwhile (stale parent); try again",
        }
        return f"{known.get(status, brief(error))} (the Hub answers {status})"
    if "xet-write-token" in str(error):
        return "this Hub does not speak Xet; set HF_HUB_DISABLE_XET=1"
    return f"{brief(error) or type(error).__name__}; try again"


def _git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
