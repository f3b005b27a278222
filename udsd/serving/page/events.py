"""What happens when visitors use the page or its HTTP interface: from what Gradio brings to what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from udsd.errors import ImageError, UdsdError
from udsd.serving.desk import Desk, FoundFaces, Restored
from udsd.serving.page.looks import WELCOME
from udsd.serving.previews import box_at
from udsd.serving.requests import ClientGoneError
from udsd.serving.telling import as_html, as_json, error_html
from udsd.serving.wishes import BOXES, read_box_lines, read_wishes, write_box_lines

_Previews = list[tuple[str, str, str]]


class Events:
    """The page's events.

    Args:
        desk: Works on the requests.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def receive(self, files: list[str] | None, request: gr.Request) -> None:
        """Files were uploaded: from now on they are the session's."""
        self._desk.storage.use(_session(request), _paths(files))

    def leave(self, request: gr.Request) -> None:
        """The page was closed."""
        self._desk.storage.close(_session(request))

    def restore_for_programs(
        self,
        files: list[str] | None,
        model: str,
        strength: float,
        scale: str,
        faces: str,
        boxes: str,
        background: str,
        best: bool,
        file_format: str,
        quality: float | None,
        request: gr.Request,
    ) -> tuple[list[str], list[dict[str, Any]]]:
        """Restore pictures, PDFs and clips.

        Returns:
            The restored files, and what became of each that came.
        """
        wishes = (strength, scale, faces, boxes, background, best, file_format, quality)
        try:
            restored = self._restore(_paths(files), model, wishes, request, previews=False)
        except UdsdError as error:
            raise gr.Error(str(error), print_exception=False) from error
        if not restored.files:
            raise gr.Error("; ".join(result.reason for result in restored.results), print_exception=False)
        return [str(path) for path in restored.files], as_json(restored.results)

    def restore_for_people(
        self,
        files: list[str] | None,
        model: str,
        strength: float,
        scale: str,
        faces: str,
        boxes: str,
        background: str,
        best: bool,
        file_format: str,
        quality: float | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        """Restore pictures, PDFs and clips.

        Returns:
            Of the slider, the choice of what it shows, the downloads, what is told, and the previews, the new values.
        """
        wishes = (strength, scale, faces, boxes, background, best, file_format, quality)
        try:
            restored = self._restore(_paths(files), model, wishes, request, previews=True, progress=progress)
        except UdsdError as error:
            return self._nothing(error_html(error))
        if not restored.files:
            return self._nothing(as_html(restored.results))
        shown = [(name, str(before), str(after)) for name, before, after in restored.previews]
        names = [(name, number) for number, (name, _, _) in enumerate(shown)]
        return (
            shown[0][1:] if shown else None,
            gr.update(choices=names, value=0 if names else None, visible=len(names) > 1),
            gr.update(value=[str(path) for path in restored.files], visible=True),
            as_html(restored.results),
            shown,
        )

    def show(self, number: int, shown: _Previews) -> tuple[str, str] | None:
        """Another of several results was chosen."""
        return shown[number][1:] if shown else None

    def clear(self) -> tuple[Any, ...]:
        """The files were taken away or exchanged: what is shown is not theirs."""
        return (*self._nothing(WELCOME), gr.update(value=None, visible=False), "")

    def find_faces(self, files: list[str] | None, request: gr.Request) -> tuple[Any, ...]:
        """Find faces and draw their boxes.

        Returns:
            Of the picture with boxes, the boxes, which faces are restored, what is told and the scale, the new values.
        """
        try:
            found = self._desk.find_faces(_only(files), _session(request))
        except UdsdError as error:
            return gr.update(), gr.update(), gr.update(), error_html(error), gr.update()
        if not found.boxes:
            return (
                *_drawn(found),
                gr.update(),
                error_html("no faces were found; you can give boxes by hand"),
                found.scale,
            )
        return (*_drawn(found), BOXES, gr.update(), found.scale)

    def leave_face_out(
        self, files: list[str] | None, boxes: str, scale: float, request: gr.Request, event: gr.SelectData
    ) -> tuple[Any, ...]:
        """A box was clicked: it goes."""
        x, y = event.index
        try:
            left = read_box_lines(boxes)
            number = box_at(left, x / scale, y / scale)
            if number is None:
                return gr.update(), gr.update()
            del left[number]
            return _drawn(self._desk.draw_boxes(_only(files), left, _session(request)))
        except UdsdError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def _restore(
        self,
        files: Sequence[Path],
        model: str,
        wishes: tuple[Any, ...],
        request: gr.Request,
        *,
        previews: bool,
        progress: Any = None,
    ) -> Restored:
        tell = (lambda share, name: None) if progress is None else (lambda share, name: progress(share, desc=name))
        try:
            return self._desk.restore(
                files,
                model,
                read_wishes(len(files), *wishes),
                _session(request),
                with_previews=previews,
                tell=tell,
            )
        except ClientGoneError as error:
            raise gr.Error("the page was closed", print_exception=False) from error

    @staticmethod
    def _nothing(told: str) -> tuple[Any, ...]:
        return (
            None,
            gr.update(choices=[], value=None, visible=False),
            gr.update(value=None, visible=False),
            told,
            [],
        )


def _drawn(found: FoundFaces) -> tuple[Any, Any]:
    return gr.update(value=str(found.picture), visible=True), write_box_lines(found.boxes)


def _paths(files: list[str] | None) -> list[Path]:
    return [Path(str(file)) for file in files or []]


def _only(files: list[str] | None) -> Path:
    paths = _paths(files)
    if len(paths) != 1:
        raise ImageError(f"boxes are drawn on one picture, and there are {len(paths)}; bring one")
    return paths[0]


def _session(request: gr.Request) -> str:
    return str(request.session_hash)
