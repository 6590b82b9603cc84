"""The demo page, drawn with Gradio: this file lays it out and hands everything to a `Finder`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from clothzoo.errors import ClothzooError, UnreadablePhoto
from clothzoo.web.finder import MAX_BYTES, MAX_PIXELS, Finder, caption, friendly

if TYPE_CHECKING:
    import fastapi

_SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_CACHE_SECONDS = 3600
_NAMES = {
    "braycurtis": "Bray-Curtis",
    "cosine": "cosine",
    "euclidean": "Euclidean",
    "manhattan": "Manhattan",
}
_STYLE = """
.gradio-container { max-width: 1240px !important; margin: 0 auto !important; }
#notice p { margin: 0; padding: .7rem .9rem; border-radius: 8px; font-weight: 600;
  background: #fdecea; color: #7a1c14; }
.dark #notice p { background: #4a1a16; color: #ffd9d4; }
/* Galleries as tall as what is in them, their titles above and their captions below pictures. */
#hits .grid-wrap, #examples .grid-wrap { max-height: none; height: auto; min-height: 0;
  overflow: visible; padding-top: 2.2rem; }
#hits .grid-container, #examples .grid-container { padding-top: 0; }
#hits .thumbnail-item { aspect-ratio: auto; height: auto; display: flex; flex-direction: column; }
#hits .thumbnail-item img { aspect-ratio: 1; }
#hits .caption-label { position: static; max-width: none; width: 100%; text-align: start;
  white-space: normal; border: 0; border-radius: 0; opacity: 1 !important; }
#examples .grid-container { grid-template-columns: repeat(6, minmax(0, 1fr));
  grid-auto-rows: auto; }
#examples .gallery-item, #examples .thumbnail-item { min-width: 0; width: 100%; height: auto; }
#examples .caption-label { display: none; }
#photo .or { color: inherit; }
#class-map .image-container, #why-query .image-container, #why-hit .image-container {
  padding-top: 2.2rem; height: auto; }
.thumbnail-item:focus-visible, button:focus-visible { outline: 3px solid var(--color-accent);
  outline-offset: 2px; }
@media (max-width: 640px) {
  #hits .grid-container { grid-template-columns: repeat(2, minmax(0, 1fr)); }
}
"""
# What Gradio names for screen readers, but not well: pictures of a gallery are "Thumbnail 1 of 12"
# in place of their captions, the upload says other words than it shows, and empty places have a
# name but no role.
_NAMED = """() => {
  const name = (element, words) => {
    if (words && element.getAttribute("aria-label") !== words) {
      element.setAttribute("aria-label", words);
    }
  };
  const all = () => {
    for (const item of document.querySelectorAll(".thumbnail-item")) {
      name(item, item.querySelector("img")?.alt);
    }
    for (const upload of document.querySelectorAll("#photo button[aria-dropeffect]")) {
      name(upload, "Photo of a garment: " + upload.textContent.replace(/\\s+/g, " ").trim());
    }
    for (const empty of document.querySelectorAll(".empty[aria-label]:not([role])")) {
      empty.setAttribute("role", "img");
    }
  };
  all();
  new MutationObserver(all).observe(document.body, {
    subtree: true, childList: true, attributeFilter: ["alt"],
  });
}"""


def _as_file(payload: Any) -> str | None:
    """An uploaded picture as the file that it is: the finder says what is wrong with it."""
    return None if payload is None else str(payload.path)


def theme() -> gr.themes.Base:
    """Colours of the project and fonts of the visitor's machine: nothing is fetched."""
    look = gr.themes.Default(
        primary_hue="teal", neutral_hue="stone", font=_SANS, font_mono=("ui-monospace", "monospace")
    )
    # Gradio's own are too pale to be read easily: less than 4.5 to 1.
    return look.set(
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
    )


def mounted(app: fastapi.FastAPI, finder: Finder) -> fastapi.FastAPI:
    """An application with the page in it."""
    return gr.mount_gradio_app(
        app,
        build(finder),
        path="",
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        max_file_size=MAX_BYTES,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme(),
        css=_STYLE,
        js=_NAMED,
    )


def launch(finder: Finder) -> None:
    """Serve the page as a Hugging Face Space does, at the address that the Space sets."""
    build(finder).launch(
        theme=theme(),
        css=_STYLE,
        js=_NAMED,
        footer_links=[],
        run_history=False,
        max_file_size=MAX_BYTES,
        ssr_mode=False,
    )


def build(finder: Finder) -> gr.Blocks:
    """Lay out the page and say what its parts do."""
    tasks = list(finder.network.classifier.labels)
    first = finder.looks[0]
    folder = tempfile.TemporaryDirectory(prefix="clothzoo-examples-")
    copies = _copies(finder, Path(folder.name))
    with gr.Blocks(
        title="clothzoo: name a garment, find its look-alikes",
        analytics_enabled=False,
        delete_cache=(_CACHE_SECONDS, _CACHE_SECONDS),
    ) as page:
        gr.Markdown(_introduction(finder))
        found = gr.State([])
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                photo = gr.Image(
                    label="Photo of a garment",
                    sources=["upload", "webcam", "clipboard"],
                    type="filepath",
                    height=320,
                    buttons=[],
                    alt_text="The photo that look-alikes are searched for",
                    elem_id="photo",
                )
                photo.preprocess = _as_file  # a subclass of Gradio's writes files beside its own
                notice = gr.HTML(visible=False, elem_id="notice")
                examples = gr.Gallery(
                    copies,
                    label="No photo at hand? Try one",
                    columns=6,
                    height="auto",
                    object_fit="contain",
                    allow_preview=False,
                    interactive=False,
                    buttons=[],
                    visible=bool(copies),
                    elem_id="examples",
                )
                answers = [
                    gr.Label(label=_heading(task, tasks), num_top_classes=4, elem_id=f"task-{n}")
                    for n, task in enumerate(tasks)
                ]
                ask = gr.Button("What speaks for it?", interactive=False, elem_id="ask-class")
                speaks = gr.Image(
                    visible=False, interactive=False, buttons=[], elem_id="class-map",
                    label="What speaks for it",
                    alt_text="The photo, with the places that speak for the class lit up",
                )  # fmt: skip
            with gr.Column(scale=2, min_width=320):
                with gr.Row():
                    look = gr.Dropdown(
                        [(name.replace("-", " "), name) for name in finder.looks],
                        value=first,
                        label="What counts as alike",
                        elem_id="look",
                        min_width=200,
                    )
                    measure = gr.Dropdown(
                        [(_NAMES.get(name, name), name) for name in finder.measures],
                        value=finder.measure_of(first),
                        label="Measure",
                        elem_id="measure",
                        min_width=200,
                    )
                conditions = gr.Dropdown(
                    finder.conditions(),
                    value=[],
                    multiselect=True,
                    label="Show only",
                    info="Of one kind any may hold; of several kinds, all have to.",
                    elem_id="conditions",
                )
                hits = gr.Gallery(
                    label="Look-alikes, nearest first",
                    columns=4,
                    height="auto",
                    object_fit="contain",
                    allow_preview=False,
                    interactive=False,
                    buttons=[],
                    elem_id="hits",
                )
                words = gr.Markdown(elem_id="why-words")
                with gr.Row(visible=False) as pair:
                    asked = gr.Image(
                        label="In your photo", interactive=False, buttons=[], elem_id="why-query",
                        alt_text="Your photo, with the places that made the two alike lit up",
                    )  # fmt: skip
                    its = gr.Image(
                        label="In the look-alike", interactive=False, buttons=[], elem_id="why-hit",
                        alt_text="The look-alike, with the places that made the two alike lit up",
                    )  # fmt: skip
                with gr.Accordion("Add your photo to the catalogue", open=False):
                    gr.Markdown(_keeping(finder))
                    name = gr.Textbox(label="Name (optional)", max_length=80, elem_id="name")
                    category = gr.Textbox(
                        label="What it is (what the network says, where empty)",
                        max_length=80,
                        elem_id="category",
                    )
                    add = gr.Button("Add", variant="primary", interactive=False, elem_id="add")
                    added = gr.Markdown(elem_id="added")

        def search(
            path: str | None,
            look: str,
            measure: str,
            conditions: Sequence[str],
            request: gr.Request,
        ) -> dict[Any, Any]:
            quiet = {words: "", pair: gr.Row(visible=False)}
            if path is None:
                return {hits: [], found: [], **quiet}
            try:
                nearest = finder.search(
                    Path(path), look, measure, conditions, visitor=request.session_hash or ""
                )
                pictures = [
                    (_picture(finder, hit.id), caption(hit, place))
                    for place, hit in enumerate(nearest, 1)
                ]
            except ClothzooError as error:
                return {hits: [], found: [], words: friendly(error, Path(path)), pair: quiet[pair]}
            say = _invitation(len(nearest))
            return {hits: pictures, found: [h.id for h in nearest], **quiet, words: say}

        def name_it(path: str | None) -> dict[Any, Any]:
            bare = {speaks: gr.Image(visible=False), added: ""}
            if path is None:
                off = gr.Button(interactive=False)
                return {**dict.fromkeys(answers), ask: off, add: off, **bare}
            try:
                said = finder.classify(Path(path))
            except ClothzooError as error:
                return {photo: None, notice: _alert(friendly(error, Path(path)))}
            on = gr.Button(interactive=True)
            labels = {part: dict(said[task]) for part, task in zip(answers, tasks, strict=True)}
            return {**labels, ask: on, add: on, notice: gr.HTML(visible=False), **bare}

        def speak(path: str | None) -> dict[Any, Any]:
            if path is None:
                return {speaks: gr.Image(visible=False)}
            try:
                label, picture = finder.why_named(Path(path))
            except ClothzooError as error:
                return {notice: _alert(friendly(error, Path(path)))}
            return {
                speaks: gr.Image(picture, visible=True, label=f"What speaks for “{label}”"),
                notice: gr.HTML(visible=False),
            }

        def explain(
            path: str | None, ids: list[str], look: str, measure: str, chosen: gr.SelectData
        ) -> dict[Any, Any]:
            if path is None or chosen.index >= len(ids):
                return {pair: gr.Row(visible=False)}
            try:
                one, other = finder.why_alike(Path(path), ids[chosen.index], look, measure)
            except ClothzooError as error:
                return {words: friendly(error), pair: gr.Row(visible=False)}
            return {
                asked: one,
                its: other,
                pair: gr.Row(visible=True),
                words: f"**What makes your photo and look-alike {chosen.index + 1} alike:** "
                "the brighter a place, the more it adds.",
            }

        def keep(path: str | None, called: str, kind: str, request: gr.Request) -> dict[Any, Any]:
            if path is None:
                return {added: "Choose a photo first."}
            visitor = request.session_hash or ""
            try:
                finder.add(Path(path), called, kind, visitor)
            except ClothzooError as error:
                return {added: friendly(error, Path(path))}
            return {
                added: f"Added. The catalogue has {len(finder):,} photos now; "
                "choose another photo that looks like it, and it will be found.",
                conditions: gr.Dropdown(finder.conditions(visitor)),
                name: "",
                category: "",
            }

        def take(chosen: gr.SelectData) -> str:
            path, _ = copies[int(chosen.index)]
            return path

        def leave(request: gr.Request) -> None:
            finder.forget(request.session_hash or "")

        settings = [photo, look, measure, conditions]
        results = [hits, found, words, pair]
        quietly: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}
        photo.change(
            name_it, photo, [photo, notice, *answers, ask, add, speaks, added], **quietly
        ).then(search, settings, results, **quietly)
        look.change(finder.measure_of, look, measure, **quietly).then(
            search, settings, results, **quietly
        )
        for setting in (measure, conditions):
            setting.input(search, settings, results, **quietly)
        ask.click(speak, photo, [speaks, notice], **quietly)
        hits.select(explain, [photo, found, look, measure], [asked, its, pair, words], **quietly)
        add.click(
            keep, [photo, name, category], [added, conditions, name, category], **quietly
        ).then(search, settings, results, **quietly)
        examples.select(take, None, photo, **quietly)
        page.unload(leave)
    page.examples = folder  # lives as long as the page
    page.queue(default_concurrency_limit=2, max_size=64)
    return page


def _introduction(finder: Finder) -> str:
    return (
        "# clothzoo\n"
        "Drop or take a photo of a garment: see what it is, and what looks like it among "
        f"{len(finder):,} photos ({finder.photos.title}).\n\n"
        f"{finder.network.summary}"
    )


def _keeping(finder: Finder) -> str:
    bounds = f"At most {MAX_BYTES // 2**20} MB and {MAX_PIXELS // 1_000_000} megapixels. "
    if finder.private:
        return bounds + "Only you see it, and it is forgotten when you leave this page."
    return bounds + "It is kept on this machine, with the catalogue."


def _heading(task: str, tasks: Sequence[str]) -> str:
    return "What the network says" if len(tasks) == 1 else task.capitalize()


def _invitation(count: int) -> str:
    if not count:
        return "Nothing in the catalogue fits. Take a condition away under “Show only”."
    return (
        "The number is the distance: smaller is closer. "
        "Choose a look-alike to see which places make the two alike."
    )


def _alert(text: str) -> gr.HTML:
    return gr.HTML(f'<p role="alert">{escape(text)}</p>', visible=True)


def _copies(finder: Finder, folder: Path) -> list[tuple[str, str]]:
    """The examples, where Gradio may take them from, with their descriptions."""
    copies = []
    for number, (path, words) in enumerate(finder.photos.examples):
        copy = folder / f"{number}-{path.name}"
        copy.write_bytes(path.read_bytes())
        copies.append((str(copy), words))
    return copies


def _picture(finder: Finder, hit: str) -> Image.Image:
    try:
        return Image.fromarray(finder.picture(hit))
    except UnreadablePhoto:  # the hit itself still stands
        return Image.new("RGB", (160, 160), "#efece6")
