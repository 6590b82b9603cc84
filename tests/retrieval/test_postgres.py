"""What a catalogue on a PostgreSQL server does besides the contract, and when things go wrong."""

from __future__ import annotations

import itertools
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

psycopg = pytest.importorskip("psycopg")
pytest.importorskip("psycopg_pool")
pytest.importorskip("pgvector")

from clothzoo.cli import main  # noqa: E402
from clothzoo.errors import CatalogueError, FingerprintMismatch, InvalidInput  # noqa: E402
from clothzoo.retrieval.calibration import calibrate  # noqa: E402
from clothzoo.retrieval.engine import RetrievalEngine  # noqa: E402
from clothzoo.retrieval.index import FileFacts, Hits  # noqa: E402
from clothzoo.retrieval.local import LocalIndex  # noqa: E402
from clothzoo.retrieval.pgvector import PgVectorIndex, rows, schema, server  # noqa: E402
from clothzoo.retrieval.pgvector.address import Address  # noqa: E402
from clothzoo.retrieval.places import place_of  # noqa: E402
from tests.postgres_server import (  # noqa: E402
    NOBODY,
    PASSWORD,
    QUOTED,
    CannotStart,
    PostgresServer,
)
from tests.retrieval.colours import extractor, folder_of, picture  # noqa: E402
from tests.retrieval.gate import Gate  # noqa: E402

DIM = 8
ROWS = 4_000
TABLES = (f"t{number}" for number in itertools.count())


def new(dsn: str, **settings: Any) -> PgVectorIndex:
    return PgVectorIndex.create(
        dsn, **{"table": next(TABLES), "dim": DIM, "metric": "manhattan", **settings}
    )


def at(*places: float) -> np.ndarray:
    return np.array([[place] + [0] * (DIM - 1) for place in places], np.float32)


def names(count: int) -> list[str]:
    return [f"{number:06}" for number in range(count)]


def rows_of(dsn: str, table: str) -> int:
    with psycopg.connect(dsn) as db:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@pytest.fixture
def index(postgres: PostgresServer) -> Iterator[PgVectorIndex]:
    with new(postgres.dsn) as index:
        yield index


class TestAddress:
    def test_a_url_may_name_the_table_and_options_beside_those_of_the_driver(self) -> None:
        address = Address.of(
            "postgresql://u:p%40@h:1/d?table=s.t&partitions=4&graph=halfvec&timeout=2"
            "&options=-c%20a%3Db&sslmode=require"
        )
        assert (address.table, address.partitions, address.graph) == ("s.t", 4, "halfvec")
        assert address.timeout == 2
        assert address.server == "postgresql://u:p%40@h:1/d?options=-c%20a%3Db&sslmode=require"
        assert address.schema_and_name == ("s", "t")

    def test_arguments_go_before_the_url(self) -> None:
        assert Address.of("postgresql:///d?table=a", table="b").table == "b"
        assert Address.of("host=h dbname=d").table == "clothzoo"

    def test_no_password_is_shown(self) -> None:
        address = Address.of(f"postgresql://u:{QUOTED}@h/d?table=t")
        assert str(address) == "postgresql://u@h/d?table=t"
        assert "secret" not in repr(address)
        assert "secret" not in repr(place_of(f"postgresql://u:{QUOTED}@h/d"))

    @pytest.mark.parametrize(
        ("dsn", "named"),
        [
            ("postgresql://h/d?table=a;b", "a;b"),
            ("postgresql://h/d?table=", "''"),
            ("postgresql://h/d?table=" + "a" * 41, "40 bytes"),
            ("postgresql://h/d?partitions=1", "partitions"),
            ("postgresql://h/d?partitions=x", "partitions"),
            ("postgresql://h/d?graph=int8", "int8"),
            ("postgresql://h/d?timeout=-1", "timeout"),
            ("postgresql://h/d?nonsense=1", "cannot be read"),
            ("nonsense", "cannot be read"),
        ],
    )
    def test_what_makes_no_sense_is_named(self, dsn: str, named: str) -> None:
        with pytest.raises(InvalidInput, match=named):
            Address.of(dsn)

    def test_a_place_is_a_folder_or_a_table_and_no_other_url(self) -> None:
        assert place_of("a") == place_of(Path("a/../a"))
        assert place_of("postgresql://h/d") != place_of("postgresql://h/e")
        assert place_of(None) != place_of(None)
        for location in ("mysql://h/d", "s3://b/c", Path("postgresql://h/d")):
            with pytest.raises(InvalidInput, match="postgresql://"):
                place_of(location)


class TestOpening:
    def test_what_is_there_is_found_again(self, postgres: PostgresServer) -> None:
        with new(postgres.dsn, fingerprint={"a": 1}) as made:
            made.add(["x"], at(1), [{"y": 2}], [FileFacts(1, 2, "aa")])
            with PgVectorIndex.open(postgres.dsn, table=made.table, fingerprint={"a": 1}) as opened:
                assert (opened.dim, opened.metric) == (made.dim, made.metric)
                assert list(opened) == ["x"]
                opened.add(["z"], at(2))
                assert len(made) == 2

    def test_another_fingerprint_is_refused(self, postgres: PostgresServer) -> None:
        with (
            new(postgres.dsn, fingerprint={"a": 1}) as made,
            pytest.raises(FingerprintMismatch, match="a differ") as caught,
        ):
            PgVectorIndex.open(postgres.dsn, table=made.table, fingerprint={"a": 2})
        assert PASSWORD not in str(caught.value)

    def test_there_must_be_a_catalogue_or_none(self, index: PgVectorIndex, postgres: Any) -> None:
        with pytest.raises(CatalogueError, match="there is no catalogue"):
            PgVectorIndex.open(postgres.dsn, table="nothing")
        with pytest.raises(CatalogueError, match="already"):
            new(postgres.dsn, table=index.table)
        assert PgVectorIndex.exists(postgres.dsn, table=index.table)
        assert not PgVectorIndex.exists(postgres.dsn, table="nothing")
        assert list(index) == []

    def test_a_table_of_something_else_is_left_alone(self, postgres: PostgresServer) -> None:
        postgres.execute("CREATE TABLE theirs AS SELECT 1 AS x")
        with pytest.raises(CatalogueError, match="theirs"):
            new(postgres.dsn, table="theirs")
        assert postgres.execute("SELECT * FROM theirs") == [(1,)]
        assert not PgVectorIndex.exists(postgres.dsn, table="theirs")

    def test_a_table_may_be_in_a_schema_of_its_own(self, postgres: PostgresServer) -> None:
        postgres.execute("CREATE SCHEMA shoes")
        with new(postgres.dsn, table="shoes.summer", partitions=2, graph="halfvec") as index:
            index.add(["a", "b"], at(1, 2))
            index.make_graph("vector")
            assert len(index) == 2

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            (lambda dsn: dsn.replace(QUOTED, "wrong"), "password"),
            (lambda dsn: dsn.replace("/postgres", "/nowhere"), "nowhere"),
            (lambda dsn: dsn.replace("127.0.0.1", "127.0.0.1:1").replace(":1:", ":1/?x="), "DSN"),
        ],
    )
    def test_a_server_that_does_not_let_in_says_why(
        self, postgres: PostgresServer, change: Callable[[str], str], named: str
    ) -> None:
        with pytest.raises((CatalogueError, InvalidInput), match=named) as caught:
            new(change(postgres.dsn))
        assert "secret" not in str(caught.value)

    def test_too_long_vectors_and_ids_are_refused(
        self, index: PgVectorIndex, postgres: Any
    ) -> None:
        with pytest.raises(InvalidInput, match="16,000"):
            new(postgres.dsn, dim=16_001)
        with pytest.raises(InvalidInput, match="2,000"):
            new(postgres.dsn, dim=2_001, graph="vector")
        with pytest.raises(InvalidInput, match="2,600 bytes"):
            index.add(["ä" * 1301], at(1))
        index.add(["ä" * 1300], at(1))
        assert len(index) == 1

    def test_a_database_of_another_encoding_is_refused(self, postgres: PostgresServer) -> None:
        postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
        with pytest.raises(CatalogueError, match="LATIN1"):
            new(postgres.dsn.replace("/postgres", "/latin"))


class TestFormats:
    def test_an_older_one_is_brought_up_to_date(
        self, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as past:
            past.setattr(schema, "_MIGRATIONS", schema._MIGRATIONS[:1])
            past.setattr(schema, "FORMAT", 1)
            with new(postgres.dsn, partitions=2) as old:
                old.add(["a", "b"], at(1, 2), [{"x": 1}, None])
        with PgVectorIndex.open(postgres.dsn, table=old.table) as index:
            assert list(index) == ["a", "b"]
            assert [hit.id for hit in cast("Hits", index.search(at(0)[0], where={"x": 1}))] == ["a"]
            index.keep_notes({"y": 1})
            index.add(["c"], at(3))
        with PgVectorIndex.open(postgres.dsn, table=old.table) as again:
            assert (len(again), again.notes()) == (3, {"y": 1})

    def test_whoever_may_not_migrate_is_sent_to_the_owner(
        self, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as past:
            past.setattr(schema, "_MIGRATIONS", schema._MIGRATIONS[:1])
            past.setattr(schema, "FORMAT", 1)
            new(postgres.dsn, table="old").close()
        reader = reading_user(postgres, "old")
        with pytest.raises(CatalogueError, match=r"format 1 .* by the owner"):
            PgVectorIndex.open(reader, table="old")

    def test_a_newer_one_is_refused_also_by_those_who_have_it_open(
        self, index: PgVectorIndex, postgres: PostgresServer
    ) -> None:
        index.add(["a"], at(1))
        postgres.execute(f"UPDATE {index.table}_about SET format = 99")
        with pytest.raises(CatalogueError, match=r"format 99.*newer"):
            PgVectorIndex.open(postgres.dsn, table=index.table)
        with pytest.raises(CatalogueError, match="format 99"):
            index.add(["b"], at(2))
        assert rows_of(postgres.dsn, index.table) == 1


class TestGraph:
    @pytest.mark.parametrize(
        ("metric", "kind"),
        [
            ("braycurtis", "halfvec"),
            ("cosine", "vector"),
            ("euclidean", "halfvec"),
            ("manhattan", "vector"),
        ],
    )
    def test_it_proposes_and_the_exact_distance_decides(
        self, postgres: PostgresServer, metric: str, kind: str
    ) -> None:
        rng = np.random.default_rng(0)
        data = rng.random((600, DIM), np.float32)
        with new(postgres.dsn, metric=metric) as index:
            index.add(names(600), data)
            exact = index.search(data[:20])
            assert index.search(data[:20], approximate=True) == exact  # there is no graph yet
            index.make_graph(kind)
            assert index.search(data[:20]) == exact
            # Without other ways the server must take the graph, as it does among many rows.
            postgres.execute("ALTER USER shop SET enable_seqscan = off")
            postgres.execute("ALTER USER shop SET enable_bitmapscan = off")
            try:
                with PgVectorIndex.open(postgres.dsn, table=index.table) as again:
                    found = cast("list[Hits]", again.search(data[:20], approximate=True))
                    measured = calibrate(again, k=10, queries=50, seed=0)
                    assert again.search(data[:20]) == exact
                scans = postgres.execute(
                    f"SELECT idx_scan FROM pg_stat_user_indexes "
                    f"WHERE indexrelname = '{index.table}_graph'"
                )
            finally:
                postgres.execute("ALTER USER shop RESET ALL")
            assert scans[0][0] >= 20
            distances = {h.id: h.distance for hits in index.search(data[:1], k=600) for h in hits}
            assert all(distances[hit.id] == hit.distance for hit in found[0])
            assert measured.recall >= 0.9
            index.drop_graph()
            assert index.search(data[:20], approximate=True) == exact

    def test_what_halfvec_cannot_hold_is_said(self, postgres: PostgresServer) -> None:
        with new(postgres.dsn, graph="halfvec") as index:
            with pytest.raises(CatalogueError, match="graph of vector"):
                index.add(["a"], at(1e6))
            assert len(index) == 0
            index.make_graph("vector")
            index.add(["a"], at(1e6))
            with pytest.raises(InvalidInput, match="'vector' or 'halfvec'"):
                index.make_graph("int8")


class TestEngine:
    def test_photos_go_in_and_come_out_as_with_a_folder(
        self, postgres: PostgresServer, tmp_path: Path
    ) -> None:
        photos = folder_of(tmp_path / "photos", {"a.png": 10, "b/c.png": 40, "b/d.png": 200})
        url = f"{postgres.dsn}?table={next(TABLES)}"
        with (
            RetrievalEngine(extractor(), path=tmp_path / "c") as local,
            RetrievalEngine(extractor(), path=url) as engine,
        ):
            for one in (local, engine):
                assert one.add_folder(photos, labels="folders").added == 3
            expected = local.search(picture(70))
            assert engine.search(picture(70)) == expected
            assert engine.search("a.png") == local.search("a.png")
        with RetrievalEngine.open(url, extractor=extractor()) as engine:
            assert engine.search(picture(70)) == expected
            assert engine.photo("b/c.png") == photos.resolve() / "b/c.png"
            assert engine.add_folder(photos).unchanged == 3
            engine.save(url)
            engine.save(tmp_path / "copy")
            other = f"{postgres.dsn}?table={next(TABLES)}"
            engine.save(other)
        for place in (tmp_path / "copy", other):
            with RetrievalEngine.open(place, extractor=extractor()) as copy:
                assert copy.search(picture(70)) == expected
                assert copy.photo("a.png") == photos.resolve() / "a.png"
        with pytest.raises(FingerprintMismatch) as caught:
            RetrievalEngine(extractor(level="high"), path=url)
        assert "secret" not in str(caught.value)
        with pytest.raises(InvalidInput, match="extractor=model") as refused:
            RetrievalEngine.open(url)
        assert "secret" not in str(refused.value)

    def test_the_command_line_takes_a_url(
        self,
        postgres: PostgresServer,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        url = f"{postgres.dsn}?table={next(TABLES)}"
        monkeypatch.setattr("sys.argv", ["clothzoo", "search", "a.png", "--in", url])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        shown = capsys.readouterr()
        assert "there is no catalogue 'postgresql://shop@127.0.0.1" in shown.err
        assert "secret" not in shown.err
        folder_of(tmp_path, {"hat.png": 10})
        monkeypatch.setattr("sys.argv", ["clothzoo", "index", str(tmp_path), "--into", url])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        shown = capsys.readouterr()
        assert "1 added" in shown.out
        assert "secret" not in shown.out + shown.err


def reading_user(postgres: PostgresServer, table: str) -> str:
    postgres.execute(f"CREATE USER reader_{table} PASSWORD 'x'")
    postgres.execute(f"GRANT SELECT ON {table}, {table}_about TO reader_{table}")
    return postgres.dsn.replace(f"shop:{QUOTED}", f"reader_{table}:x")


class TestWriters:
    def test_two_that_upsert_the_same_ids_take_turns(self, postgres: PostgresServer) -> None:
        with new(postgres.dsn) as index:
            ids, start = names(300), threading.Barrier(2)
            failures: list[BaseException] = []

            def write(writer: int) -> None:
                try:
                    with PgVectorIndex.open(postgres.dsn, table=index.table) as mine:
                        start.wait()
                        order = np.random.default_rng(writer).permutation(300)
                        for turn in range(5):
                            value = 10 * writer + turn
                            mine.add(
                                [ids[row] for row in order],
                                at(*[value] * 300),
                                [{"value": value}] * 300,
                            )
                            seen = {hit.distance for hit in mine.search(at(0)[0], k=300)}
                            assert len(seen) == 1  # one writer's batch as a whole
                except BaseException as error:
                    failures.append(error)

            run_together(write, 2)
            assert failures == []
            hits = cast("Hits", index.search(at(0)[0], k=1000))
            assert [hit.id for hit in hits] == ids
            assert {hit.distance for hit in hits} in ({4.0}, {14.0})
            assert len(index) == rows_of(postgres.dsn, index.table) == 300

    def test_a_deadlock_is_survived(
        self, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries = []
        lock = rows.lock
        monkeypatch.setattr(rows, "lock", lambda *given: (tries.append(1), lock(*given)))
        patient = f"{postgres.dsn}?options=-c%20deadlock_timeout%3D2s"
        with new(patient) as index, psycopg.connect(postgres.dsn) as other:
            other.execute("SET deadlock_timeout = '10min'")
            other.execute(f"LOCK TABLE {index.table} IN SHARE MODE")
            adding = threading.Thread(target=lambda: index.add(["a"], at(1)))
            adding.start()
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            while postgres.execute(waiting) == [(0,)]:
                pass
            # Now each waits for the other; the server ends the one that is less patient.
            other.execute(f"SELECT * FROM {index.table}_about FOR UPDATE")
            other.commit()
            adding.join()
            assert len(tries) == 2
            assert list(index) == ["a"]
            assert len(index) == 1

    def test_one_that_waits_too_long_says_so(self, postgres: PostgresServer) -> None:
        with new(postgres.dsn, timeout=0.2) as index, psycopg.connect(postgres.dsn) as other:
            other.execute(f"SELECT * FROM {index.table}_about FOR UPDATE")
            with pytest.raises(CatalogueError, match="time"):
                index.add(["a"], at(1))
            other.rollback()
            index.add(["a"], at(1))
            assert list(index) == ["a"]

    def test_one_without_the_right_may_still_search(
        self, index: PgVectorIndex, postgres: PostgresServer
    ) -> None:
        index.add(["a"], at(1))
        with PgVectorIndex.open(reading_user(postgres, index.table), table=index.table) as reader:
            assert [hit.id for hit in cast("Hits", reader.search(at(0)[0]))] == ["a"]
            with pytest.raises(CatalogueError, match="owner"):
                reader.add(["b"], at(2))

    def test_a_child_process_opens_connections_of_its_own(self, index: PgVectorIndex) -> None:
        index.add(["a"], at(1))
        child = os.fork()
        if child == 0:
            found = 1
            try:
                index.add(["b"], at(2))
                found = 0 if list(index) == ["a", "b"] else 1
            finally:
                os._exit(found)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert list(index) == ["a", "b"]


def run_together(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgresServer]:
    """A server to be killed."""
    try:
        made = PostgresServer()
    except CannotStart as error:
        pytest.skip(f"no PostgreSQL server can be started here: {error}")
    yield made
    made.remove()


@pytest.fixture
def gate(mortal: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    monkeypatch.setattr(server, "_WAITING", 2)
    made = Gate(mortal.port)
    yield made
    made.close()


@pytest.fixture
def behind(gate: Gate, mortal: PostgresServer) -> Iterator[PgVectorIndex]:
    """A catalogue with five items, behind the gate."""
    with new(mortal.dsn_at(gate.port)) as index:
        index.add(list("abcde"), at(1, 2, 3, 4, 5), [{"old": True}] * 5)
        yield index


class TestFaults:
    def test_a_server_killed_in_mid_copy_has_nothing_of_it(
        self, behind: PgVectorIndex, gate: Gate, mortal: PostgresServer
    ) -> None:
        gate.after(60_000, mortal.kill)
        with pytest.raises(CatalogueError, match="server"):
            behind.add(["a", *names(ROWS)], at(9, *[8] * ROWS))
        mortal.start()
        assert list(behind) == list("abcde")
        assert behind.get("a").vector[0] == 1
        assert len(behind) == rows_of(mortal.dsn, behind.table) == 5
        behind.add(["a", *names(ROWS)], at(9, *[8] * ROWS))
        assert len(behind) == rows_of(mortal.dsn, behind.table) == ROWS + 5

    def test_a_server_that_is_back_soon_gets_all_of_it_once(
        self, behind: PgVectorIndex, gate: Gate, mortal: PostgresServer
    ) -> None:
        def die_and_rise() -> None:
            mortal.kill()
            mortal.start()

        gate.after(60_000, die_and_rise)
        behind.add(["a", *names(ROWS)], at(9, *[8] * ROWS))
        assert behind.get("a").vector[0] == 9
        assert len(behind) == rows_of(mortal.dsn, behind.table) == ROWS + 5

    def test_a_connection_cut_during_a_search_is_made_again(
        self, behind: PgVectorIndex, gate: Gate
    ) -> None:
        expected = behind.search(at(0, 3))
        for sent in (1, 200, 400):
            gate.after(sent, lambda: None)
            assert behind.search(at(0, 3)) == expected
            assert gate.done
        gate.cut()
        assert behind.search(at(0, 3)) == expected

    def test_connections_that_the_server_ended_are_made_again(
        self, behind: PgVectorIndex, mortal: PostgresServer
    ) -> None:
        run_together(lambda _: behind.search(at(0)), 4)  # which opens several
        ended = mortal.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'clothzoo'"
        )
        assert ended
        assert [hit.id for hit in cast("Hits", behind.search(at(0)[0], k=2))] == ["a", "b"]
        behind.add(["f"], at(6))
        assert len(behind) == 6

    def test_a_commit_whose_answer_is_lost_is_done_once(
        self, behind: PgVectorIndex, gate: Gate, mortal: PostgresServer
    ) -> None:
        gate.keep_answer_to(b"COMMIT")
        behind.add(["a", "f"], at(9, 6))
        assert gate.done
        assert len(behind) == rows_of(mortal.dsn, behind.table) == 6
        gate.keep_answer_to(b"COMMIT")
        assert behind.remove(["a", "f", "nothing"]) == 2
        assert gate.done
        assert list(behind) == list("bcde")
        assert len(behind) == rows_of(mortal.dsn, behind.table) == 4

    def test_a_server_that_stays_away_is_named_without_the_password(
        self, behind: PgVectorIndex, gate: Gate
    ) -> None:
        gate.close()
        with pytest.raises(CatalogueError, match="server") as caught:
            behind.search(at(0)[0])
        assert "secret" not in str(caught.value)
        with pytest.raises(CatalogueError, match="cannot be reached"):
            PgVectorIndex.open(f"postgresql://shop@127.0.0.1:{gate.port}/postgres")


@pytest.mark.long
def test_a_full_disk_is_named_and_nothing_of_the_batch_is_there(
    postgres: PostgresServer,
) -> None:
    small = Path("/tmp") / f"clothzoo-small-{os.getpid()}"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size=16m,uid={NOBODY},gid={NOBODY}", "tmpfs", small],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        if mounted.returncode:
            pytest.skip(f"no small disk can be made: {mounted.stderr.strip()}")
        postgres.execute(f"CREATE TABLESPACE small LOCATION '{small}'")
        dsn = f"{postgres.dsn}?options=-c%20default_tablespace%3Dsmall"
        with new(dsn, dim=1000) as index:
            data = np.ones((500, 1000), np.float32)
            kept: list[str] = []

            def fill() -> None:
                while True:
                    batch = [f"{len(kept) + row:06}" for row in range(500)]
                    index.add(batch, data)
                    kept.extend(batch)

            with pytest.raises(CatalogueError, match="disk is full"):
                fill()
            assert kept
            assert list(index) == kept
            assert len(index) == rows_of(postgres.dsn, index.table) == len(kept)
            assert len(cast("Hits", index.search(data[0], k=len(kept) + 1))) == len(kept)
            index.update_files({})
        postgres.execute(f"DROP TABLE {index.table}, {index.table}_about")
        postgres.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", small], check=False, capture_output=True)
        small.rmdir()


@pytest.mark.long
@pytest.mark.parametrize("metric", ["braycurtis", "cosine", "euclidean", "manhattan"])
def test_real_descriptors_are_found_as_in_a_local_catalogue(
    postgres: PostgresServer, metric: str
) -> None:
    folder = os.environ.get("CLOTHZOO_CATALOGUE")
    if not folder:
        pytest.skip("CLOTHZOO_CATALOGUE does not name a local catalogue of real photos")
    with LocalIndex.open(folder) as source:
        batches = list(source.batches())
    dim = batches[0].vectors.shape[1]
    with (
        LocalIndex.create(None, dim=dim, metric=metric) as local,
        new(postgres.dsn, dim=dim, metric=metric) as index,
    ):
        for batch in batches:
            local.add(*batch)
            index.add(*batch)
        vectors = np.concatenate([batch.vectors for batch in batches])
        chosen = np.random.default_rng(0).choice(len(vectors), 100, replace=False)
        queries = np.concatenate([vectors[chosen], vectors[chosen] * np.float32(1.01)])
        assert index.search(queries) == local.search(queries)
