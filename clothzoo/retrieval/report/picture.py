"""A contact sheet as a picture, drawn with Pillow."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from clothzoo.retrieval.index import Hit
from clothzoo.retrieval.report.sheet import Sheet

_GROUND, _MAT, _INK, _QUIET, _ACCENT = "#ffffff", "#efece6", "#211f1b", "#67625a", "#0b6b5d"
_MARGIN, _GAP = 40, 24
_QUERY, _HIT = 420, 240
_COLUMNS = 5
_LINE = 26
_BIG, _TEXT = 30, 20
_FACTS = 3

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def write_picture(path: str | Path, sheet: Sheet) -> None:
    """Write a query and its hits as a picture; the ending of the path chooses the format.

    Args:
        path: the file, e.g. "hits.png"; one that is there is replaced.
        sheet: what to draw.
    """
    draw_sheet(sheet).save(path)


def draw_sheet(sheet: Sheet) -> Image.Image:
    """Draw a query at the left and its hits in rows of five beside it.

    Args:
        sheet: what to draw.

    Returns:
        An RGB picture.
    """
    columns = max(1, min(_COLUMNS, len(sheet.hits)))
    rows = max(1, -(-len(sheet.hits) // columns))
    lines = 2 + min(_FACTS, max((len(sheet.facts(hit)) for hit in sheet.hits), default=0))
    cell = _HIT + _LINE * lines + _GAP
    asked = _QUERY + _LINE * (2 + len(sheet.attributes) + _answer_lines(sheet))
    width = 2 * _MARGIN + _QUERY + columns * (_GAP + _HIT)
    height = 2 * _MARGIN + max(asked, rows * cell - _GAP)

    canvas = Image.new("RGB", (width, height), _GROUND)
    draw = ImageDraw.Draw(canvas)
    _draw_query(canvas, draw, sheet)
    for number, hit in enumerate(sheet.hits):
        x = _MARGIN + _QUERY + _GAP + (number % columns) * (_HIT + _GAP)
        y = _MARGIN + (number // columns) * cell
        _paste(canvas, draw, sheet.thumbnail(hit, _HIT), (x, y), _HIT)
        _draw_caption(draw, sheet, number + 1, hit, (x, y + _HIT + 8))
    if not sheet.hits:
        where = (_MARGIN + _QUERY + _GAP, _MARGIN)
        _write(draw, where, "Nothing in the catalogue fits.", _HIT, _QUIET)
    return canvas


def _draw_query(canvas: Image.Image, draw: ImageDraw.ImageDraw, sheet: Sheet) -> None:
    _paste(canvas, draw, sheet.query_thumbnail(_QUERY), (_MARGIN, _MARGIN), _QUERY)
    frame = (_MARGIN - 6, _MARGIN - 6, _MARGIN + _QUERY + 5, _MARGIN + _QUERY + 5)
    draw.rounded_rectangle(frame, 8, outline=_ACCENT, width=4)
    x, y = _MARGIN, _MARGIN + _QUERY + 16
    _write(draw, (x, y), sheet.name, _QUERY, _INK, _BIG)
    y += _LINE + 14
    for name, value in sheet.attributes.items():
        _write(draw, (x, y), f"{name}: {value}", _QUERY, _QUIET)
        y += _LINE
    for ranking in sheet.answers.values():
        y += _LINE // 2
        for label, probability in ranking[:4]:
            end = x + round(_QUERY * probability)
            draw.rectangle((x, y + _LINE + 2, x + _QUERY, y + _LINE + 7), _MAT)
            draw.rectangle((x, y + _LINE + 2, end, y + _LINE + 7), _ACCENT)
            _write(draw, (x, y), label, _QUERY - 80, _INK)
            _write_right(draw, (x + _QUERY, y), f"{100 * probability:.0f} %")
            y += _LINE + 18


def _draw_caption(
    draw: ImageDraw.ImageDraw, sheet: Sheet, rank: int, hit: Hit, at: tuple[int, int]
) -> None:
    x, y = at
    _write(draw, (x, y), f"{rank}", _HIT, _INK)
    _write_right(draw, (x + _HIT, y), f"{hit.distance:.4f}")
    _write(draw, (x, y + _LINE), hit.id, _HIT, _QUIET)
    for line, (name, value, same) in enumerate(sheet.facts(hit)[:_FACTS], 2):
        _write(draw, (x, y + line * _LINE), f"{name}: {value}", _HIT, _ACCENT if same else _INK)


def _answer_lines(sheet: Sheet) -> int:
    return sum(2 * min(4, len(ranking)) for ranking in sheet.answers.values())


def _paste(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    picture: Image.Image | None,
    at: tuple[int, int],
    side: int,
) -> None:
    """Lay a picture centred on a square mat; "no photo" where there is none."""
    x, y = at
    draw.rectangle((x, y, x + side - 1, y + side - 1), _MAT)
    if picture is None:
        middle = (x + side / 2, y + side / 2)
        draw.text(middle, "no photo", _QUIET, _font(_TEXT), anchor="mm")
    else:
        canvas.paste(picture, (x + (side - picture.width) // 2, y + (side - picture.height) // 2))


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    room: int,
    colour: str,
    size: int = _TEXT,
) -> None:
    """Write one line, shortened in the middle to the pixels there are."""
    font = _font(size)
    kept = len(text)
    shown = text
    while draw.textlength(shown, font) > room and kept > 2:
        kept -= 1
        shown = text[: (kept + 1) // 2] + "…" + text[-(kept // 2) :]
    draw.text(at, shown, colour, font)


def _write_right(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str) -> None:
    draw.text(at, text, _QUIET, _font(_TEXT), anchor="ra")


def _font(size: int) -> _Font:
    return ImageFont.load_default(size)
