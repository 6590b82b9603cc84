"""Build wheel and sdist, install each into an empty environment, and use it there.

    python tools/release_check.py [--backend tensorflow]

What is used is what a user would get: no file of the checkout is on the path. The environments are
temporary; wheel and sdist stay in dist/.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"

_IN_SDIST = ("tests/", "docs/", "examples/", "benchmarks/", "weights/", "Makefile", "mkdocs.yml")

_WITHOUT_BACKEND = """
import clothzoo
assert clothzoo.list_presets(), "no preset came with the package"
try:
    clothzoo.load(clothzoo.list_presets()[0])
except clothzoo.errors.BackendMissing as error:
    print(error)
else:
    raise SystemExit("a network was built without a backend")
"""

_IN_USE = """
import sys
from pathlib import Path
import clothzoo
from clothzoo.datasets import rendered
assert sys.argv[1] in clothzoo.__file__, clothzoo.__file__
rendered.write(rendered.render(10, views=2), "photos")
name = clothzoo.list_presets()[0]
photo = sorted(Path("photos").glob("*.jpg"))[0]
print(clothzoo.classify(photo, name, top=1))
with clothzoo.RetrievalEngine(name, path="catalogue") as engine:
    print(engine.add_folder("photos"))
    assert len(engine.search(photo, k=5)) == 5
"""


def main() -> None:
    """Check, and say what was checked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", default="tensorflow")
    backend = parser.parse_args().backend
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", dist, ROOT)
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    check_contents(wheel, sdist)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        use(wheel, Path(folder) / "wheel", backend)
        rebuilt = from_sdist(sdist, Path(folder) / "sdist")
        if names(rebuilt) != names(wheel):
            raise SystemExit(
                f"the wheel of {sdist.name} differs in {sorted(names(rebuilt) ^ names(wheel))}"
            )
    print(f"{wheel.name} and {sdist.name} are sound: {wheel.stat().st_size / 1e6:.1f} MB, ", end="")
    print(f"{sdist.stat().st_size / 1e6:.1f} MB")


def check_contents(wheel: Path, sdist: Path) -> None:
    """Nothing is missing, and nothing is there that should not be."""
    carried = names(wheel)
    strangers = {name for name in carried if not name.startswith(("clothzoo/", "clothzoo-"))}
    if strangers:
        raise SystemExit(f"{wheel.name} holds {sorted(strangers)}")
    for record in ROOT.glob("weights/*/preset.toml"):
        if f"clothzoo/weights/{record.parent.name}/preset.toml" not in carried:
            raise SystemExit(f"{wheel.name} lacks the preset {record.parent.name}")
    for name in ("clothzoo/py.typed", "clothzoo/retrieval/report/page.html"):
        if name not in carried:
            raise SystemExit(f"{wheel.name} lacks {name}")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    for part in _IN_SDIST:
        if not any(name.startswith(part) for name in held):
            raise SystemExit(f"{sdist.name} lacks {part}")


def use(wheel: Path, place: Path, backend: str) -> None:
    """Install a wheel, first alone, then with a backend, and do the main job with it."""
    python = environment(place)
    work = place / "work"
    work.mkdir()
    install(python, str(wheel))
    run(python, "-c", _WITHOUT_BACKEND, folder=work)
    install(python, f"{wheel}[{backend}]")
    run(python, "-m", "pip", "check", folder=work)
    command = python.with_name("clothzoo")
    run(command, "--version", folder=work)
    run(command, "verify", folder=work)
    run(python, "-c", _IN_USE, place, folder=work)
    run(command, "search", "photos/00000-0.jpg", "--in", "catalogue", "-k", "3", folder=work)


def from_sdist(sdist: Path, place: Path) -> Path:
    """The wheel that an sdist alone makes, installed once."""
    python = environment(place)
    run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", place, sdist)
    (wheel,) = place.glob("*.whl")
    install(python, str(wheel), "--no-deps")
    run(python, "-m", "pip", "show", "--quiet", "clothzoo")
    return wheel


def names(wheel: Path) -> set[str]:
    """The files of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def environment(place: Path) -> Path:
    """The Python of a new, empty environment."""
    venv.create(place, with_pip=True)
    return place / ("Scripts" if os.name == "nt" else "bin") / "python"


def install(python: Path, what: str, *options: str) -> None:
    """Install with the versions that were tested."""
    run(python, "-m", "pip", "install", "--quiet", "-c", CONSTRAINTS, *options, what)


def run(*command: object, folder: Path | None = None) -> None:
    """Run a command without what the caller's environment says of Python or clothzoo."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CLOTHZOO_", "KERAS_", "PYTHONPATH"))
    }
    line = [str(part) for part in command]
    print("$", " ".join(part if "\n" not in part else "…" for part in line), flush=True)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if subprocess.run(line, cwd=folder, env={**kept, **quiet}, check=False).returncode:
        sys.exit(1)


if __name__ == "__main__":
    main()
