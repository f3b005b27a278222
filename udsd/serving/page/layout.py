"""The page and its HTTP interface, as Gradio's parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI

from udsd.serving.desk import Desk
from udsd.serving.page.events import Events
from udsd.serving.page.looks import CSS, FOOTER, HEADER, THEME, WELCOME, taken_html
from udsd.serving.uploads import missing_kinds, taken_kinds
from udsd.serving.wishes import BOXES

_GROUP = "desk"
"""Events of one name wait in one queue."""

_FACES = [
    ("all that are found", "auto"),
    ("the one in the middle", "center"),
    ("those in boxes", BOXES),
    ("none: the picture as a whole", "off"),
]
_FORMATS = [("as it came", ""), ("PNG", "png"), ("TIFF", "tif"), ("JPEG", "jpg"), ("WebP", "webp")]
_BACKGROUNDS = [("restored too", "restore"), ("kept as it came", "keep")]
_SCALES = ["auto", "off", "0.25", "0.33", "0.5", "1", "2"]


_Find = Callable[[Any], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Fields:
    """What visitors fill in, in the order of the arguments of `udsd.serving.page.events`."""

    files: Any
    model: Any
    strength: Any
    scale: Any
    faces: Any
    boxes: Any
    background: Any
    best: Any
    file_format: Any
    quality: Any

    def all(self) -> list[Any]:
        """All of them."""
        return [getattr(self, field.name) for field in fields(self)]


@dataclass(frozen=True, slots=True)
class Finder:
    """Where faces are looked for and boxes are drawn."""

    button: Any
    picture: Any
    scale: Any


@dataclass(frozen=True, slots=True)
class Results:
    """Where results are shown."""

    slider: Any
    choice: Any
    downloads: Any
    told: Any
    previews: Any

    def all(self) -> list[Any]:
        """All of them, in the order in which events give them."""
        return [getattr(self, field.name) for field in fields(self)]


def make_app(desk: Desk) -> FastAPI:
    """The page and its HTTP interface as an ASGI application.

    Args:
        desk: Works on the requests. Gradio's files must go to its storage: see `udsd.serving.server`.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    return gr.mount_gradio_app(
        app,
        make_page(desk),
        path="/",
        footer_links=["api"],
        run_history=False,
        show_error=False,
        max_file_size=desk.limits.file_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        theme=THEME,
        css=CSS,
    )


def make_page(desk: Desk) -> gr.Blocks:
    """The page, with its events."""
    with gr.Blocks(title="udsd", analytics_enabled=False) as page:
        gr.HTML(HEADER)
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                files = _make_upload(desk)
                gr.HTML(taken_html(desk.limits, taken_kinds(), missing_kinds()))
                button = gr.Button("Restore", variant="primary", size="lg", elem_id="restore")
                form, finder = _make_form(desk, files)
            with gr.Column(scale=3, min_width=360):
                results = _make_results()
        gr.HTML(FOOTER.format(kept=_in_words(desk.limits.keep_seconds)))
        events = Events(desk)
        button.click(
            events.restore_for_people,
            form.all(),
            results.all(),
            concurrency_id=_GROUP,
            show_progress_on=results.slider,
            api_visibility="private",
        )
        _connect_files(events, form, finder, results)
        _connect_finder(events, form, finder, results)
        _offer_to_programs(events, form)
        page.unload(events.leave)
    # Else Gradio, which did not launch it by itself, lets requests name any file of this machine.
    page.has_launched = True
    page.queue(max_size=desk.limits.waiting, default_concurrency_limit=1)
    return page


def _make_upload(desk: Desk) -> gr.File:
    files = gr.File(label="Blurred files", file_count="multiple", height=190, elem_id="pictures")
    # Not in a class of our own: Gradio writes a file of types beside each such class.
    files.async_move_resource_to_block_cache = _uploaded(files.async_move_resource_to_block_cache, desk.storage.root)
    return files


def _uploaded(find: _Find, root: Path) -> _Find:
    """Gradio's way to find a file that a request names, for what was uploaded alone.

    It would fetch addresses as well.
    """

    async def find_uploaded(path: Any) -> str | None:
        if path is not None and not (root in Path(path).resolve().parents and Path(path).is_file()):
            raise gr.Error("this file was not uploaded, or is deleted already; bring it again", print_exception=False)
        return await find(path)

    return find_uploaded


def _make_form(desk: Desk, files: gr.File) -> tuple[Fields, Finder]:
    models = desk.models
    model = gr.Dropdown(
        models.choices(),
        value=models.names[0],
        label="Model",
        info="Pages and faces have one each, chosen by looking at the picture." if len(models.names) > 1 else None,
        interactive=len(models.names) > 1,
        elem_id="model",
    )
    strength = gr.Slider(0, 1, 1, step=0.05, label="Strength", info="0 changes nothing, 1 makes the whole change.")
    with gr.Accordion("Pages", open=False):
        scale = gr.Dropdown(
            _SCALES,
            value="auto",
            allow_custom_value=True,
            label="Scale before the network",
            info="auto: by the size of letters and blur; off: as it is; or a number from 0.125 to 8.",
        )
    with gr.Accordion("Faces", open=False, elem_id="faces"):
        faces = gr.Radio(_FACES, value="auto", label="Which are restored")
        background = gr.Radio(_BACKGROUNDS, value="restore", label="What is around them")
        finder = Finder(
            gr.Button("Find faces", elem_id="find-faces"),
            gr.Image(
                label="Click a box to leave that face out",
                visible=False,
                interactive=False,
                buttons=["fullscreen"],
                elem_id="found-faces",
            ),
            gr.State(1.0),
        )
        boxes = gr.Textbox(
            "",
            label="Boxes",
            info="Left, top, width and height in pixels, one box in a line.",
            lines=2,
            max_lines=8,
            elem_id="boxes",
        )
    with gr.Accordion("Result", open=False):
        file_format = gr.Dropdown(_FORMATS, value="", label="Format of pictures", info="PDFs and clips keep theirs.")
        quality = gr.Number(
            0,
            label="Quality of JPEG, WebP and clips",
            info="1 to 100; 0: as it came.",
            minimum=0,
            maximum=100,
            precision=0,
        )
        best = gr.Checkbox(False, label="Best: the mean of several restorations, several times slower")
    return Fields(files, model, strength, scale, faces, boxes, background, best, file_format, quality), finder


def _make_results() -> Results:
    return Results(
        gr.ImageSlider(
            label="Before and after",
            type="filepath",
            interactive=False,
            max_height=640,
            height=560,
            buttons=["fullscreen"],
            elem_id="slider",
        ),
        gr.Dropdown([], label="Shown", visible=False, elem_id="shown"),
        gr.File(label="Download", visible=False, interactive=False, elem_id="downloads"),
        gr.HTML(WELCOME, elem_id="told"),
        gr.State([]),
    )


def _connect_files(events: Events, form: Fields, finder: Finder, results: Results) -> None:
    form.files.upload(events.receive, form.files, None, queue=False, api_visibility="private", show_progress="hidden")
    form.files.change(
        events.clear,
        None,
        [*results.all(), finder.picture, form.boxes],
        queue=False,
        api_visibility="private",
        show_progress="hidden",
    )
    results.choice.input(
        events.show, [results.choice, results.previews], results.slider, queue=False, api_visibility="private"
    )


def _connect_finder(events: Events, form: Fields, finder: Finder, results: Results) -> None:
    finder.button.click(
        events.find_faces,
        form.files,
        [finder.picture, form.boxes, form.faces, results.told, finder.scale],
        concurrency_id=_GROUP,
        api_visibility="private",
    )
    finder.picture.select(
        events.leave_face_out,
        [form.files, form.boxes, finder.scale],
        [finder.picture, form.boxes],
        concurrency_id=_GROUP,
        show_progress="hidden",
        api_visibility="private",
    )


def _offer_to_programs(events: Events, form: Fields) -> None:
    """The HTTP interface: the same fields, of which no browser sees the results."""
    files = gr.File(label="files", visible=False)
    report = gr.JSON(label="report", visible=False)
    gr.Button(visible=False).click(
        events.restore_for_programs, form.all(), [files, report], concurrency_id=_GROUP, api_name="deblur"
    )


def _in_words(seconds: float) -> str:
    if seconds >= 120:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds:.0f} seconds"
