"""A server of the page in a process of its own, and a client that speaks its HTTP interface without Gradio's help."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).resolve().parents[2]
START = 120.0
"""Seconds that a start may take; it waits for no more than it needs."""

DEFAULTS = ["auto", 1, "auto", "auto", "", "restore", False, "", None]
"""Of the fields behind the files."""


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        address: Where it answers.
        process: Its process.
        world: The only folder that it may write to: its home, its current folder and the one for temporary files.
    """

    address: str
    process: subprocess.Popen[str]
    world: Path

    def files(self) -> list[Path]:
        """The files in its world that hold anything."""
        return [path for folder, files, _ in self._folders() for path in map(folder.joinpath, files) if _holds(path)]

    def is_working(self) -> bool:
        """Whether there is a folder for the first result of a request, and nothing in it."""
        return any(folder.name == "0" and not files and not below for folder, files, below in self._folders())

    def _folders(self) -> Iterator[tuple[Path, list[str], list[str]]]:
        """Each folder, its files and the folders in it. `os.walk` passes over those that go in the meantime."""
        for folder, below, files in os.walk(self.world):
            yield Path(folder), files, below

    def stop(self) -> int:
        """End it as a system does, and give its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def _holds(path: Path) -> bool:
    """Whether a file is there and not empty; the server may take it away at any time."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


@contextmanager
def serving(
    world: Path, *options: object, command: tuple[str, ...] = ("-m", "udsd", "serve", "--port", "0")
) -> Iterator[Server]:
    """Run a server; it is stopped at the end of the block if it still runs."""
    folders = {name: world / name.lower() for name in ("HOME", "TMPDIR", "CWD")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    where = folders.pop("CWD")
    environment = os.environ | {name: str(folder) for name, folder in folders.items()} | {"PYTHONPATH": str(ROOT)}
    with (world.parent / f"{world.name}.err").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, *command, *map(str, options)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=where,
            env=environment,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("http://"), (world.parent / f"{world.name}.err").read_text()
        yield Server(line.split()[0], process, world)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


def eventually(holds: Callable[[], bool], seconds: float = START) -> bool:
    """Whether something comes to hold."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


class Client:
    """A program that uses the HTTP interface, as curl would."""

    def __init__(self, server: Server) -> None:
        self._http = httpx.Client(base_url=f"{server.address}/gradio_api", timeout=START, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def upload(self, *paths: Path) -> list[dict[str, Any]]:
        """What stands for files in a request."""
        files = [("files", (path.name, path.read_bytes())) for path in paths]
        answer = self._http.post("/upload", files=files)
        answer.raise_for_status()
        return [
            {"path": path, "orig_name": file.name, "meta": {"_type": "gradio.FileData"}}
            for path, file in zip(answer.json(), paths, strict=True)
        ]

    def post(self, path: str, **more: Any) -> httpx.Response:
        """Any other request."""
        return self._http.post(path, **more)

    def deblur(self, files: list[dict[str, Any]], *fields: Any) -> tuple[list[bytes], Any]:
        """The restored files, and the report; or nothing, and what was said."""
        joined = self._http.post("/call/deblur", json={"data": [files, *fields, *DEFAULTS[len(fields) :]]})
        if joined.status_code != 200:
            return [], joined.json()
        stream = self._http.get(f"/call/deblur/{joined.json()['event_id']}").text
        event, data = last_event(stream)
        if event != "complete":
            return [], data
        results, report = data
        return [self._http.get(f"/file={file['path']}").content for file in results], report

    @contextmanager
    def asking(self, files: list[dict[str, Any]], *fields: Any) -> Iterator[None]:
        """Ask as a browser does, with a session that is kept alive; go away at the end of the block."""
        session = uuid.uuid4().hex
        with self._http.stream("GET", f"/heartbeat/{session}") as alive:
            beats = alive.iter_lines()  # kept: if it is collected the connection is closed
            next(beats)
            data = [files, *fields, *DEFAULTS[len(fields) :]]
            body = {"data": data, "fn_index": self._number_of("deblur"), "session_hash": session}
            self._http.post("/queue/join", json=body).raise_for_status()
            with self._http.stream("GET", "/queue/data", params={"session_hash": session}):
                yield

    def config(self) -> Any:
        """What the page is made of."""
        return self._http.get(str(self._http.base_url).replace("gradio_api/", "config")).json()

    def _number_of(self, name: str) -> int:
        return next(event["id"] for event in self.config()["dependencies"] if event["api_name"] == name)


def last_event(stream: str) -> tuple[str, Any]:
    """The last event of a stream."""
    event, data = "", "null"
    for line in stream.splitlines():
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
    return event, json.loads(data)
