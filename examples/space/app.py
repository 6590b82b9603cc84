"""The demo page as a Hugging Face Space.

    python examples/space/app.py

On a Space everybody may come in, so visitors are strangers to one another: what one adds, nobody
else sees, and it is forgotten when they leave. A folder `photos/` beside this file takes the place
of drawn garments, and CLOTHZOO_PRESET names another network than the best one for photos.
"""

from __future__ import annotations

import os
from pathlib import Path

from clothzoo.web import page
from clothzoo.web.serving import finder

HERE = Path(__file__).resolve().parent


def main() -> None:
    photos = HERE / "photos"
    found = finder(
        Path(os.environ.get("CLOTHZOO_DEMO", HERE / "demo")),
        photos if photos.is_dir() else None,
        os.environ.get("CLOTHZOO_PRESET") or None,
        keep=False,
    )
    page.launch(found)


if __name__ == "__main__":
    main()
