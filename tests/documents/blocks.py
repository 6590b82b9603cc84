"""The code blocks of a page, and what it means to run one.

Python blocks of a page run one after the other in one namespace; lines of `sh` and `console`
blocks that call clothzoo run in this process, all others are checked against what there is: the
extras, the make targets, the files of the checkout. A block whose title starts with "needs" wants
something that tests have not, e.g. a network: it is compiled, or its command lines are parsed by
the commands that they call.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import typer
from typer.testing import CliRunner

from clothzoo.cli import app

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_TEXT = ("", "text", "toml", "html", "yaml", "json", "csv", "bibtex", "sql")
_ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        language: e.g. "python".
        code: its text, without the indentation that it has on the page.
        line: number of its first line, from 1.
        needs: what its title says that it needs, or "".
    """

    language: str
    code: str
    line: int
    needs: str


class WrongBlock(AssertionError):
    """A block says something that does not hold."""


def blocks(text: str) -> list[Block]:
    """The blocks of a page, in order."""
    found = []
    for match in _FENCE.finditer(text):
        indent, language, rest, code = match.groups()
        title = re.search(r'title="([^"]*)"', rest)
        needs = title[1] if title and title[1].startswith("needs ") else ""
        lines = [line.removeprefix(indent) for line in code.splitlines()]
        line = text.count("\n", 0, match.start()) + 2
        found.append(Block(language, "\n".join(lines) + "\n", line, needs))
    return found


def run(page: Path, found: list[Block]) -> None:
    """Run a page's blocks in the current folder.

    Raises:
        WrongBlock: a block's language is unknown, or a command line is wrong or fails.
    """
    namespace: dict[str, Any] = {"__name__": "__page__"}
    for block in found:
        where = f"{page.name}, line {block.line}"
        if block.language == "python":
            # As many empty lines as stand before it: a traceback then names the page's own line.
            code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
            if not block.needs:
                exec(code, namespace)
        elif block.language in ("sh", "console"):
            for line in command_lines(block):
                _run_line(line, where, dry=bool(block.needs))
        elif block.language not in _TEXT:
            raise WrongBlock(f"{where}: no way is known to run {block.language!r}")


def command_lines(block: Block) -> Iterator[str]:
    """The commands of a shell block; in a console those behind the prompt."""
    lines = block.code.replace("\\\n", " ").splitlines()
    if block.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    yield from (line for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _run_line(line: str, where: str, *, dry: bool) -> None:
    words = shlex.split(line, comments=True)
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words.pop(0)
    name, *arguments = words
    if name not in _KNOWN and not dry:
        raise WrongBlock(f"{where}: nothing is known of the command {name!r}")
    try:
        _KNOWN.get(name, _anything)(arguments, dry)
    except WrongBlock as error:
        raise WrongBlock(f"{where}: {line}\n{error}") from error


def _clothzoo(arguments: list[str], dry: bool) -> None:
    if dry or arguments[0] == "demo":  # which trains for minutes, or serves until it is stopped
        _parse(arguments)
        return
    done = CliRunner().invoke(app, arguments)
    if done.exit_code:
        raise WrongBlock(f"exit code {done.exit_code}\n{done.output}") from done.exception


def _parse(arguments: list[str]) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group | typer.core.TyperGroup)
    name, *rest = arguments
    if name not in group.commands:
        raise WrongBlock(f"there is no command {name!r}")
    try:
        group.commands[name].make_context(name, rest)
    except Exception as error:  # Typer brings its own copies of click's errors
        raise WrongBlock(str(error)) from error


def _pip(arguments: list[str], _dry: bool) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for argument in arguments:
        for extras in re.findall(r"(?:clothzoo|\.)\[([\w,-]+)\]", argument):
            for extra in extras.split(","):
                if extra not in project["optional-dependencies"]:
                    raise WrongBlock(f"there is no extra {extra!r}")


def _make(arguments: list[str], _dry: bool) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in arguments:
        if "=" not in target and not re.search(rf"^{target}:", makefile, re.MULTILINE):
            raise WrongBlock(f"there is no target {target!r}")


def _python(arguments: list[str], _dry: bool) -> None:
    script = next((a for a in arguments if a.endswith(".py")), None)
    if script and not (ROOT / script).is_file():
        raise WrongBlock(f"there is no file {script!r}")


def _anything(_arguments: list[str], _dry: bool) -> None:
    """A command that every system has."""


_KNOWN: dict[str, Callable[[list[str], bool], None]] = {
    "clothzoo": _clothzoo,
    "make": _make,
    "pip": _pip,
    "python": _python,
    "python3": _python,
    **dict.fromkeys((".", "cd", "cp", "export", "git", "hf", "mv"), _anything),
}
