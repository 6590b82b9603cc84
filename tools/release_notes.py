"""Print a version's section of the change log, for the notes of its release.

python tools/release_notes.py 0.1.0
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parents[1] / "CHANGELOG.md"


def section(changelog: str, version: str) -> str:
    """What a change log says of a version.

    Args:
        changelog: its text, after Keep a Changelog.
        version: e.g. "1.2.0".

    Returns:
        The lines below the version's heading.

    Raises:
        KeyError: the version has no section, or an empty one.
    """
    heading = rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)"
    found = re.search(heading, changelog, re.DOTALL | re.MULTILINE)
    if found is None or not found[1].strip():
        raise KeyError(version)
    return found[1].strip() + "\n"


def main() -> None:
    """Print the notes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("version")
    version = parser.parse_args().version
    try:
        print(section(CHANGELOG.read_text(encoding="utf-8"), version), end="")
    except KeyError:
        sys.exit(
            f"{CHANGELOG.name} says nothing of {version}: give it a heading '## [{version}] - DATE'"
        )


if __name__ == "__main__":
    main()
