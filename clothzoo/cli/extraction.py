"""Commands about more photos than one process describes: `extract` and `ingest`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from clothzoo.cli.app import app
from clothzoo.cli.output import AsJson, print_json
from clothzoo.cli.parsing import (
    BUNDLED,
    LevelOption,
    LookOption,
    NormalisationOption,
    PoolingOption,
    RuntimeOption,
    WeightsOption,
)


@app.command()
def extract(
    source: Annotated[
        str,
        typer.Argument(help="A folder, s3://… or the like, or a Parquet list with a row a photo."),
    ],
    out: Annotated[str, typer.Option(help="The folder of shards, or its URL.")],
    extractor: Annotated[
        str | None,
        typer.Option(help="A preset or an architecture.", show_default=BUNDLED),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="local, or ray for the machines of a Ray cluster.")
    ] = "local",
    weights: WeightsOption = None,
    look: LookOption = None,
    level: LevelOption = None,
    pooling: PoolingOption = None,
    normalisation: NormalisationOption = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="folders|CSV",
            help="Note each photo's subfolder as its category, or the columns of a table.",
        ),
    ] = None,
    prefix: Annotated[str, typer.Option(help="Put in front of every id.")] = "",
    recursive: Annotated[bool, typer.Option(help="Go into subfolders.")] = True,
    column: Annotated[
        str | None, typer.Option(help="Of a list: which column has the paths or URLs.")
    ] = None,
    shard_rows: Annotated[
        int | None, typer.Option(help="Photos in a shard.", show_default="4096, or 64 MB")
    ] = None,
    retry_skipped: Annotated[
        bool, typer.Option("--retry-skipped", help="Try again the shards that skipped photos.")
    ] = False,
    address: Annotated[
        str | None,
        typer.Option(help="Of the Ray cluster.", show_default="the one of this machine"),
    ] = None,
    actors: Annotated[
        int | None,
        typer.Option(min=1, help="Extractors at work under Ray.", show_default="one a machine"),
    ] = None,
    cpus: Annotated[float, typer.Option(min=0, help="CPUs that Ray sets aside for each.")] = 1,
    gpus: Annotated[float, typer.Option(min=0, help="GPUs that Ray sets aside for each.")] = 0,
    runtime: RuntimeOption = "auto",
    as_json: AsJson = False,
) -> None:
    """Describe photos into Parquet shards; run again, it goes on where it stopped."""
    from clothzoo.retrieval import bulk
    from clothzoo.retrieval.extractor import Extractor
    from clothzoo.retrieval.looks import DEFAULT_EXTRACTOR, Wish

    extractor = extractor or DEFAULT_EXTRACTOR
    descriptor, _ = Wish(look, level, pooling, normalisation).settled(extractor)
    report = bulk.extract(
        source,
        out,
        Extractor.build(extractor, descriptor, weights=weights, runtime=runtime),
        engine=engine,
        cluster=bulk.Cluster(address, actors, cpus, gpus),
        labels=labels,
        prefix=prefix,
        recursive=recursive,
        column=column,
        shard_rows=shard_rows,
        retry_skipped=retry_skipped,
        progress=sys.stderr.isatty(),
    )
    if as_json:
        print_json(asdict(report))
        return
    if report.skipped:
        print(f"the photos skipped, and why: {out.rstrip('/')}/skipped", file=sys.stderr)
    print(f"{report}; {out!r} has {report.shards:,} shards")


@app.command()
def ingest(
    shards: Annotated[str, typer.Argument(help="What `extract` has written.")],
    into: Annotated[
        str, typer.Option(help="The catalogue's folder or URL, made if there is none.")
    ],
    metric: Annotated[
        str | None,
        typer.Option(
            help="Of a new catalogue: braycurtis, cosine, euclidean or manhattan.",
            show_default="that of the shards' look, or braycurtis",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also the shards that the catalogue has taken in.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put extracted shards into a catalogue; run again, it goes on where it stopped."""
    from clothzoo.retrieval import bulk
    from clothzoo.retrieval.places import place_of

    report = bulk.ingest(shards, into, metric=metric, again=again, progress=sys.stderr.isatty())
    if as_json:
        print_json(asdict(report))
    else:
        print(f"{report}; the catalogue is {str(place_of(into))!r}")
