"""Commands about catalogues: `index` and `search`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from clothzoo.cli.app import app
from clothzoo.cli.output import AsJson, print_json, print_table
from clothzoo.cli.parsing import (
    BUNDLED,
    BoxOption,
    LevelOption,
    LookOption,
    MetricOption,
    NormalisationOption,
    PoolingOption,
    RuntimeOption,
    WeightsOption,
    WhereOption,
    parse_box,
    parse_where,
)

_MOST_SKIPS = 10
_MOST_REASONS = 5


@app.command()
def index(
    folder: Annotated[Path, typer.Argument(help="Where the photos are.")],
    into: Annotated[
        str,
        typer.Option(
            help="The catalogue's folder, or postgresql://user@host/database?table=name; "
            "made if there is none."
        ),
    ],
    extractor: Annotated[
        str | None,
        typer.Option(
            help="A preset or an architecture; a catalogue that is there knows its own.",
            show_default=BUNDLED,
        ),
    ] = None,
    weights: WeightsOption = None,
    look: LookOption = None,
    level: LevelOption = None,
    pooling: PoolingOption = None,
    normalisation: NormalisationOption = None,
    metric: MetricOption = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="folders|CSV",
            help="Note each photo's subfolder as its category, or the columns of a table.",
        ),
    ] = None,
    prefix: Annotated[str, typer.Option(help="Put in front of every id.")] = "",
    recursive: Annotated[bool, typer.Option(help="Go into subfolders.")] = True,
    runtime: RuntimeOption = "auto",
    as_json: AsJson = False,
) -> None:
    """Add the photos of a folder to a catalogue; run again, it does only what is new."""
    from clothzoo.retrieval.engine import RetrievalEngine
    from clothzoo.retrieval.looks import DEFAULT_EXTRACTOR
    from clothzoo.retrieval.places import place_of

    place = place_of(into)
    description = (extractor, look, level, pooling, normalisation, metric)
    if place.exists() and all(part is None for part in description):
        engine = RetrievalEngine.open(into, weights=weights, runtime=runtime)
    else:
        engine = RetrievalEngine(
            extractor or DEFAULT_EXTRACTOR,
            weights=weights,
            look=look,
            level=level,
            pooling=pooling,
            normalisation=normalisation,
            metric=metric,
            path=into,
            runtime=runtime,
        )
    with engine:
        report = engine.add_folder(
            folder,
            recursive=recursive,
            labels=labels,
            prefix=prefix,
            progress=sys.stderr.isatty(),
        )
        if as_json:
            print_json({**asdict(report), "photos": len(engine)})
            return
        for name, reason in list(report.skipped.items())[:_MOST_SKIPS]:
            print(f"skipped {name}: {reason}", file=sys.stderr)
        if len(report.skipped) > _MOST_SKIPS:
            print(f"… and {len(report.skipped) - _MOST_SKIPS} more (see --json)", file=sys.stderr)
        print(f"{report}; the catalogue {str(place)!r} has {len(engine):,} photos")


@app.command()
def search(
    photo: Annotated[str, typer.Argument(help="A photo, or the id of one in the catalogue.")],
    catalogue: Annotated[
        str, typer.Option("--in", help="The catalogue's folder, or its postgresql:// URL.")
    ],
    k: Annotated[int, typer.Option("-k", min=1, help="How many hits.")] = 10,
    where: WhereOption = None,
    box: BoxOption = None,
    weights: Annotated[
        str | None, typer.Option(help="Where the extractor's weights are now, if they have moved.")
    ] = None,
    approximate: Annotated[bool, typer.Option("--approximate", help="Faster, may miss.")] = False,
    expand: Annotated[
        bool, typer.Option("--expand", help="Search again with what was found first.")
    ] = False,
    prefer: Annotated[
        str | None,
        typer.Option(
            help="A classifier's preset: hits of the class that it is sure of come first."
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a contact sheet as a page.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write a contact sheet as a picture.")] = None,
    why: Annotated[
        Path | None, typer.Option(help="Draw what made the first hits alike, e.g. why.png.")
    ] = None,
    runtime: RuntimeOption = "auto",
    as_json: AsJson = False,
) -> None:
    """Find the photos of a catalogue that look most like one."""
    from clothzoo.retrieval.engine import RetrievalEngine
    from clothzoo.retrieval.expansion import Expansion

    garment, conditions = parse_box(box), parse_where(where)
    with RetrievalEngine.open(catalogue, weights=weights, runtime=runtime) as engine:
        hits = engine.search(
            photo,
            k,
            where=conditions,
            box=garment,
            approximate=approximate,
            expand=Expansion() if expand else None,
            prefer=prefer,
        )
        if html or png:
            from clothzoo.retrieval.report import (
                catalogue_facts,
                sheet_of,
                write_page,
                write_picture,
            )

            sheet = sheet_of(engine, photo, hits, box=garment)
            if html:
                write_page(html, [sheet], facts=catalogue_facts(engine))
            if png:
                write_picture(png, sheet)
        if why and hits:
            from clothzoo.explain import save, similarity_figure

            save(similarity_figure(engine, photo, hits[:_MOST_REASONS], box=garment), why)
    if as_json:
        print_json({"query": photo, "hits": [asdict(hit) for hit in hits]})
        return
    names = list(dict.fromkeys(name for hit in hits for name in hit.attributes))
    rows = [
        (str(rank), f"{hit.distance:.4f}", hit.id, *(_shown(hit.attributes, n) for n in names))
        for rank, hit in enumerate(hits, 1)
    ]
    print_table(("rank", "distance", "id", *names), rows)
    for written in filter(None, (html, png)):
        print(f"contact sheet: {written}", file=sys.stderr)
    if why and hits:
        print(f"what made them alike: {why}", file=sys.stderr)


def _shown(attributes: Mapping[str, object], name: str) -> str:
    value = attributes.get(name)
    return "" if value is None else str(value)
