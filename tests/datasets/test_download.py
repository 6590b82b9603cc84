from __future__ import annotations

import hashlib
import os
import threading
import zipfile

import pytest

from clothzoo.datasets import download
from clothzoo.errors import DatasetNotFound


def test_a_file_is_fetched_once_and_checked(tmp_path, server):
    content = os.urandom(700_000)
    (server.folder / "data.gz").write_bytes(content)
    target = tmp_path / "here" / "data.gz"
    md5 = hashlib.md5(content).hexdigest()
    for _ in range(2):
        assert download.fetch(f"{server.url}/data.gz", target, md5=md5) == target
        assert target.read_bytes() == content
    assert server.requests == ["/data.gz"]


def test_threads_that_want_the_same_file_fetch_it_once(tmp_path, server):
    (server.folder / "data.gz").write_bytes(os.urandom(100_000))
    target = tmp_path / "data.gz"
    threads = [
        threading.Thread(target=download.fetch, args=(f"{server.url}/data.gz", target))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.stat().st_size == 100_000
    assert len(server.requests) == 1


def test_other_bytes_than_expected_are_refused_and_leave_nothing(tmp_path, server):
    (server.folder / "data.gz").write_bytes(b"something else")
    with pytest.raises(DatasetNotFound, match="md5"):
        download.fetch(f"{server.url}/data.gz", tmp_path / "here" / "data.gz", md5="0" * 32)
    assert [p.name for p in (tmp_path / "here").iterdir() if not p.name.endswith(".lock")] == []


def test_a_missing_file_and_a_dead_server_are_named_with_the_way_out(tmp_path, server):
    for url in (f"{server.url}/none.gz", "http://127.0.0.1:9/none.gz"):
        with pytest.raises(DatasetNotFound, match="CLOTHZOO_DATA") as caught:
            download.fetch(url, tmp_path / "none.gz")
        assert url in str(caught.value)


def test_an_archive_gives_only_the_members_asked_for(tmp_path, server):
    with zipfile.ZipFile(server.folder / "set.zip", "w") as archive:
        archive.writestr("repo-1/images/a.jpg", b"a")
        archive.writestr("repo-1/README.md", b"no")
        archive.writestr("repo-1/images/../../../../escaped.jpg", b"no")
        archive.writestr("/images/b.jpg", b"no")
    target = download.fetch_archive(
        f"{server.url}/set.zip", tmp_path / "set", members=r"[^/]+/(images/[\w-]+\.jpg)"
    )
    assert [p.relative_to(target).as_posix() for p in target.rglob("*.*")] == ["images/a.jpg"]
    assert (target / "images" / "a.jpg").read_bytes() == b"a"
    assert not list(tmp_path.rglob("escaped.jpg"))


def test_what_is_no_archive_is_refused_and_leaves_nothing(tmp_path, server):
    (server.folder / "broken.zip").write_bytes(b"PK\x03\x04 not really")
    with zipfile.ZipFile(server.folder / "other.zip", "w") as archive:
        archive.writestr("repo/README.md", b"no")
    for name, message in (("broken", "not a sound zip"), ("other", "none of the files")):
        with pytest.raises(DatasetNotFound, match=message):
            download.fetch_archive(f"{server.url}/{name}.zip", tmp_path / name, members="(x)")
        assert not (tmp_path / name).exists()
