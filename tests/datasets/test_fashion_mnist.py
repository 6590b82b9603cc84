from __future__ import annotations

import gzip
import hashlib
import struct
from collections import Counter

import numpy as np
import pytest

from clothzoo.datasets import fashion_mnist
from clothzoo.errors import DatasetNotFound, InvalidInput


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


@pytest.fixture
def files() -> dict[str, bytes]:
    """The four files in small: 60 of each class to train on, 3 to test."""
    made = {}
    for part, count in (("train", 600), ("t10k", 30)):
        labels = np.arange(count) % 10
        made[f"{part}-labels-idx1-ubyte.gz"] = idx(labels)
        made[f"{part}-images-idx3-ubyte.gz"] = idx(
            np.broadcast_to(labels[:, None, None], (count, 28, 28))
        )
    return made


def test_the_real_splits_have_their_sizes_and_share_nothing(clothzoo_data, monkeypatch):
    monkeypatch.setenv("CLOTHZOO_DATA", str(clothzoo_data))
    splits = {split: fashion_mnist.arrays(split) for split in fashion_mnist.SPLITS}
    assert [len(images) for images, _ in splits.values()] == [55_000, 5_000, 10_000]
    assert set(Counter(splits["validation"][1].tolist()).values()) == {500}
    assert set(Counter(splits["test"][1].tolist()).values()) == {1000}
    assert splits["test"][1][:5].tolist() == [9, 2, 1, 1, 6]
    pictures = Counter(image.tobytes() for image in splits["train"][0])
    pictures.update(image.tobytes() for image in splits["validation"][0])
    assert sum(pictures.values()) == 60_000
    again = fashion_mnist.load("validation")
    assert again[0].image.shape == (28, 28)
    assert (
        again[0].labels["category"] == fashion_mnist.LABELS["category"][splits["validation"][1][0]]
    )
    assert len({record.id for record in again}) == 5_000


def test_absent_files_are_downloaded_once_and_checked(cache, server, files, monkeypatch):
    for name, content in files.items():
        (server.folder / name).write_bytes(content)
        monkeypatch.setitem(fashion_mnist.MD5, name, hashlib.md5(content).hexdigest())
    monkeypatch.setattr(fashion_mnist, "_HELD_OUT", 5)
    for _ in range(2):
        sizes = [len(fashion_mnist.load(s, source=server.url)) for s in fashion_mnist.SPLITS]
        assert sizes == [550, 50, 30]
    assert len(server.requests) == 4
    assert (cache / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz").is_file()


def test_a_download_with_other_bytes_is_refused(cache, server, files):
    for name, content in files.items():
        (server.folder / name).write_bytes(content)
    with pytest.raises(DatasetNotFound, match="md5"):
        fashion_mnist.load("test", source=server.url)


def test_a_folder_of_the_users_own_is_read_and_its_faults_are_named(tmp_path, files):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert len(fashion_mnist.load("test", folder=tmp_path)) == 30
    images = tmp_path / "t10k-images-idx3-ubyte.gz"
    for damaged, message in (
        (files["t10k-images-idx3-ubyte.gz"][:-30], "not a sound gzip"),
        (gzip.compress(b""), "not an idx file"),
        (idx(np.zeros((30, 14, 14))), "not an idx file"),
        (gzip.compress(gzip.decompress(images.read_bytes())[:-1]), "not an idx file"),
    ):
        images.write_bytes(damaged)
        with pytest.raises(DatasetNotFound, match=message):
            fashion_mnist.load("test", folder=tmp_path)
    images.unlink()
    with pytest.raises(DatasetNotFound, match="has no t10k-images-idx3-ubyte"):
        fashion_mnist.load("test", folder=tmp_path)


def test_an_unknown_split_is_named():
    with pytest.raises(InvalidInput, match="did you mean 'test'"):
        fashion_mnist.load("tests")
