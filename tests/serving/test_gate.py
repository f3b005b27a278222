from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from udsd.serving.gate import Gate
from udsd.serving.limits import Limits
from udsd.serving.storage import Storage


async def _answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"passed on"})


async def _endless() -> dict[str, Any]:
    return {"type": "http.request", "body": bytes(1_000_000), "more_body": True}


def status(storage: Storage, method: str, path: str, length: str | None = None, **limits: int) -> int:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [] if length is None else [(b"Content-Length", length.encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(Gate(_answer, Limits(**limits), storage)(scope, _endless, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("method", "path", "length", "expected"),
    [
        ("GET", "/", None, 200),
        ("GET", "/gradio_api/file=/tmp/a.png", None, 200),
        ("GET", "/gradio_api/file=http://example.org/a.png", None, 404),
        ("GET", "/gradio_api/file=HTTPS://example.org/a.png", None, 404),
        ("GET", "/gradio_api/file=C:/a.png", None, 200),
        ("GET", "/gradio_api/proxy=http://example.org/", None, 404),
        ("POST", "/gradio_api/process_recording", "10", 404),
        ("POST", "/gradio_api/component_server", "10", 404),
        ("POST", "/gradio_api/upload", "1000", 200),
        ("POST", "/gradio_api/upload", "9000000", 413),
        ("POST", "/gradio_api/upload/", "9000000", 413),
        ("POST", "/gradio_api/upload", None, 411),
        ("POST", "/gradio_api/upload", "-5", 411),
        ("POST", "/gradio_api/queue/join", "1000", 200),
        ("POST", "/gradio_api/queue/join", "9000000", 413),
    ],
)
def test_what_passes(storage: Storage, method: str, path: str, length: str | None, expected: int) -> None:
    assert status(storage, method, path, length, files=2, file_bytes=1_000_000) == expected


def test_nothing_is_taken_when_there_is_no_room(storage: Storage, uploads: list[Path]) -> None:
    room = storage.size()
    assert status(storage, "POST", "/gradio_api/upload", "1000", stored_bytes=room + 1000) == 200
    assert status(storage, "POST", "/gradio_api/upload", "1000", stored_bytes=room + 999) == 507


def test_what_is_no_request_passes(storage: Storage) -> None:
    seen = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Gate(application, Limits(), storage)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
