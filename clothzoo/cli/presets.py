"""Commands about presets: `presets`, `pull`, `verify` and `publish`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from clothzoo.cli.app import app
from clothzoo.cli.output import AsJson, preset_names, print_json, print_table
from clothzoo.errors import PresetNotFound

PatternArgument = Annotated[
    str, typer.Argument(help="As in a shell, e.g. '*fashion*'.", autocompletion=preset_names)
]


@app.command()
def presets(
    pattern: PatternArgument = "*",
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also data, revision, commit and hash.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the presets: parameters, size, figures, licence and where the weights lie."""
    from clothzoo.hub import table

    columns = ["preset", "parameters", "size", "figures", "licence", "where"]
    columns += ["data", "revision", "commit", "sha256"] if verbose else []
    rows = []
    for row in table(pattern):
        preset = row.preset
        cells = [
            preset.name,
            f"{preset.weights.parameters:,}",
            f"{preset.weights.size / 1e6:.2f} MB",
            row.figures,
            preset.licence,
            row.where,
        ]
        if verbose:
            data = ", ".join(d.name for d in preset.data)
            cells += [data, str(preset.revision), preset.source.commit[:8], preset.sha256]
        rows.append(cells)
    if as_json:
        print_json([dict(zip(columns, cells, strict=True)) for cells in rows])
    else:
        print_table(columns, rows)
    if not rows:
        print(f"no preset matches {pattern!r}", file=sys.stderr)


@app.command()
def pull(pattern: PatternArgument = "*", as_json: AsJson = False) -> None:
    """Make sure that weights are on this machine, downloading what is not, and verify them."""
    from clothzoo.hub import pull

    if as_json:
        print_json([{"preset": name, "path": str(path)} for name, path in pull(pattern)])
        return
    for name, path in pull(pattern):
        print(f"{name}\t{path}")


@app.command()
def verify(
    pattern: PatternArgument = "*",
    run: Annotated[
        bool, typer.Option("--run/--no-run", help="Also compare the golden outputs.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Check every preset that lies here against its record; exit with 1 if one differs."""
    from clothzoo.hub import verify

    verdicts = []
    for verdict in verify(pattern, run=run):
        verdicts.append(verdict)
        if not as_json:
            print(f"{verdict.name}\t{'; '.join(verdict.problems) or 'sound'}")
    if not verdicts and pattern != "*":
        raise PresetNotFound(f"no preset on this machine matches {pattern!r}")
    if as_json:
        print_json([{"preset": v.name, "problems": list(v.problems)} for v in verdicts])
    if any(verdict.problems for verdict in verdicts):
        raise typer.Exit(1)


@app.command()
def publish(
    preset: Annotated[
        str, typer.Argument(help="A preset's name or folder.", autocompletion=preset_names)
    ],
    to: Annotated[str, typer.Option("--to", help="A user or organisation on the Hub.")],
    private: Annotated[bool, typer.Option("--private", help="Nobody else may see it.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be uploaded; touch nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a preset on the Hugging Face Hub and check what comes back."""
    from clothzoo.hub.publish import publish

    done = publish(preset, to, private=private, dry_run=dry_run)
    if as_json:
        print_json(
            {
                "repository": done.preset.source.repository,
                "tag": done.tag,
                "published": not dry_run,
                "files": dict(done.files),
                "lines": done.lines if not dry_run and done.written is None else None,
            }
        )
        return
    print_table(("file", "bytes"), [(name, f"{size:,}") for name, size in done.files.items()])
    where = f"{done.preset.source.repository} as {done.tag}"
    if dry_run:
        print(f"would be published to {where}", file=sys.stderr)
        return
    print(f"published to {where}, downloaded again and verified", file=sys.stderr)
    if done.written is None:
        print("put these lines into the preset's record:", file=sys.stderr)
        print(done.lines)
    else:
        print(f"{done.written / 'preset.toml'} names the commit; commit it", file=sys.stderr)
