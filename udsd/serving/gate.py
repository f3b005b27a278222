"""What stands before the page: no request is larger than it may be, and none asks for more than the page needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from udsd.serving.limits import Limits
from udsd.serving.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

API = "/gradio_api/"

_NEEDED = (
    *("api/", "call/", "cancel", "config", "deep_link", "file=", "heartbeat/", "info", "openapi.json", "queue/"),
    *("reset", "run/", "startup-events", "upload"),
)
"""Beginnings of Gradio's routes that pages and clients use. The others run ffmpeg, keep streams or pass on pages."""

_FETCHES = ("file=http:", "file=https:")
"""Beginnings of those that fetch an address."""

_UPLOAD = f"{API}upload"
_LARGEST_MESSAGE = 1_000_000
"""Bytes of a request that brings no file."""

_DISCARDED = 100_000_000
"""Bytes of a request that is refused, at most; the connection is closed on the rest."""


class Gate:
    """Passes requests on, or refuses them, before any of their bytes is kept.

    Args:
        app: What answers them (ASGI).
        limits: How large uploads may be.
        storage: Where they go.
    """

    def __init__(self, app: App, limits: Limits, storage: Storage) -> None:
        self._app = app
        self._limits = limits
        self._storage = storage

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, reason = refusal[0], refusal[1].encode()
        await _discard(receive)
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(reason)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": reason})

    def _refusal(self, scope: dict[str, Any]) -> tuple[int, str] | None:
        path = scope["path"]
        if path.startswith(API):
            route = path.removeprefix(API)
            if not route.startswith(_NEEDED) or route.lower().startswith(_FETCHES):
                return 404, "there is nothing here"
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        length = _content_length(scope)
        if length is None:
            return 411, "say how long the request is (Content-Length)"
        if path.rstrip("/") != _UPLOAD:
            return (413, "the request is too long") if length > _LARGEST_MESSAGE else None
        if length > self._limits.request_bytes:
            return 413, f"an upload may have {self._limits.request_bytes} bytes; bring fewer or smaller files"
        if self._storage.size() + length > self._limits.stored_bytes:
            return 507, "there is no room for more files now; try again in some minutes"
        return None


async def _discard(receive: Any) -> None:
    """Take what a request brings, up to a limit: many clients read no answer before they have sent all."""
    taken = 0
    while taken < _DISCARDED:
        message = await receive()
        taken += len(message.get("body", b""))
        if not message.get("more_body"):
            return


def _content_length(scope: dict[str, Any]) -> int | None:
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return None
