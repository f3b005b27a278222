"""A Hub that lies: its answers are drawn from a seed, at the level of bytes."""

from __future__ import annotations

import hashlib
import random
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

COMMIT = "c0ffee" * 6 + "beef"
ENDLESS = 64 << 20
"""Bytes of a body that is called endless; no model that the tests load has a fiftieth of it."""


@dataclass
class Liar:
    """The files it has, where it would like to write, and the lies of a seed.

    Attributes:
        files: Contents by name.
        targets: Paths outside of the cache, absolute and relative, that no download may touch.
        seed: What is drawn from.
        honest: Requests that are answered honestly before the first lie.
        url: Its address.
    """

    files: dict[str, bytes]
    targets: list[str]
    seed: int
    honest: int = 0
    url: str = ""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()
        self.honest = self._random.choice([0, 0, 1, 2, 3])

    def answer(self, method: str, path: str) -> tuple[str, list[tuple[str, str]], bytes, str]:
        """Status line, headers, body and pace (``""``, ``"trickle"``, ``"trickle headers"``, ``"stall"``)."""
        name = path.rsplit("/", 1)[-1]
        data = self.files.get(name, b"")
        digest = hashlib.sha256(data).hexdigest()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{digest}"', "Content-Length": str(len(data))}
        status, body, pace = "200 OK", data, ""
        with self._lock:
            draw = self._random
            if self.honest > 0:
                self.honest -= 1
                return status, list(headers.items()), body if method == "GET" else b"", pace
            for _ in range(draw.choice([1, 1, 2, 3])):
                kind = draw.choice(
                    ["etag"] * 4 + ["commit"] * 2 + ["length", "range", "redirect", "body", "status", "pace", "noise"]
                )
                if kind == "etag":
                    headers[draw.choice(["ETag", "X-Linked-Etag"])] = self._etag(draw)
                elif kind == "commit":
                    headers["X-Repo-Commit"] = draw.choice([*self.targets, "../..", "a" * 39, "A" * 40, "b" * 40, ""])
                elif kind == "length":
                    headers[draw.choice(["Content-Length", "X-Linked-Size"])] = draw.choice(
                        ["0", "-1", "1", str(len(data) + 7), str(10**18), "9" * 5000, "many", ""]
                    )
                    if draw.random() < 0.3:
                        headers.pop("Content-Length", None)
                elif kind == "range":
                    status = "206 Partial Content"
                    headers["Content-Range"] = draw.choice(
                        ["bytes 0-9/10", f"bytes 7-{len(data)}/{len(data)}", "bytes */*", "x" * 9000, "bytes 5-1/-3"]
                    )
                elif kind == "redirect":
                    status = draw.choice(["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
                    headers["Location"] = self._location(draw, path)
                elif kind == "body":
                    body, extra = self._body(draw, data)
                    headers |= extra
                elif kind == "status":
                    status = draw.choice(
                        [
                            "401 No",
                            "403 No",
                            "404 No",
                            "416 No",
                            "429 No",
                            "500 No",
                            "503 No",
                            "304 Same",
                            "599 \x1b[2J",
                        ]
                    )
                    headers |= draw.choice(
                        [
                            {"X-Error-Code": "EntryNotFound"},
                            {"X-Error-Code": "RepoNotFound"},
                            {"X-Error-Code": "GatedRepo"},
                            {"X-Error-Message": "\x1b[2J" + "m" * 30_000},
                            {"Retry-After": draw.choice(["1", "-5", "9" * 400, "soon"])},
                            {"RateLimit": '"api";r=0;t=' + "9" * 400},
                        ]
                    )
                elif kind == "pace":
                    pace = draw.choice(["trickle", "trickle headers", "stall"])
                else:
                    headers["X-HF-Warning"] = "topic; \x1b]0;owned\x07" + "w" * draw.choice([1, 30_000])
                    headers |= {f"X-{number}": "n" * 100 for number in range(draw.choice([1, 90, 2000]))}
        return status, list(headers.items()), body if method == "GET" else b"", pace

    def _etag(self, draw: random.Random) -> str:
        name = draw.choice(
            [
                *self.targets,
                *self.targets,
                "..",
                ".",
                "",
                "/",
                "a/b",
                "x.lock",
                "con",
                "e" * 5000,
                "..\\..\\x",
                "a\x1bb",
                "%2e%2e%2fx",
                "f" * 64,
                "f" * 40,
                "d41d8cd98f00b204e9800998ecf8427e-3",
                "é" * 40,
                "a b",
                "~/x",
                "C:x",
            ]
        )
        return draw.choice(["{}", '"{}"', 'W/"{}"', "W/{}", '""{}""']).format(name)

    def _location(self, draw: random.Random, path: str) -> str:
        other = self.url.replace("127.0.0.1", "localhost")
        return draw.choice(
            [
                path,
                "/loop/" + path.rsplit("/", 1)[-1],
                other + path,
                other + path,
                "file:///etc/passwd",
                "ftp://x/y",
                "//",
                "http://",
                "http://[",
                "http://x:99999999/",
                "http://127.0.0.1:1/x",
                "javascript:1",
                "\x1b[2J",
                "é",
                "http://" + "h" * 9000,
                "../" * 50 + "etc/passwd",
                "data:,x",
                "https://127.0.0.1:1/x",
            ]
        )

    def _body(self, draw: random.Random, data: bytes) -> tuple[bytes, dict[str, str]]:
        noise = draw.randbytes(draw.choice([0, 1, 5000]))
        body = draw.choice(
            [
                data[: len(data) // 2],
                data + noise,
                data[:-1] + b"\x00",
                noise,
                b" " * ENDLESS,
                b"{" * 500000,
                b'{"format_version": ' + b"9" * 5000 + b"}",
                b'{"format_version": 1, "model": {"base_width": 256}}',
                b"\x80\x04c__builtin__\nexit\n.",
                (10**12).to_bytes(8, "little") + data[8:],
            ]
        )
        honest = {"Content-Length": str(len(body)), "ETag": f'"{hashlib.sha256(body).hexdigest()}"'}
        return body, draw.choice([{}, honest, {"Content-Encoding": "gzip"}, {"Content-Encoding": "br\x1b"}])


class _Handler(socketserver.StreamRequestHandler):
    liar: Liar
    stopped: threading.Event

    def handle(self) -> None:
        with suppress(OSError, ValueError, IndexError):
            method, path = self.rfile.readline(65_536).decode("latin-1").split()[:2]
            while self.rfile.readline(65_536).strip():
                pass
            status, headers, body, pace = self.liar.answer(method, path)
            lines = [
                f"HTTP/1.1 {status}",
                *(f"{name}: {value}" for name, value in headers),
                "Connection: close",
                "",
                "",
            ]
            head = "\r\n".join(lines).encode("utf-8", "replace")
            if pace == "stall":
                self.stopped.wait(20)
            self._send(head, slowly=pace == "trickle headers")
            self._send(body, slowly=pace == "trickle")

    def _send(self, data: bytes, *, slowly: bool) -> None:
        pieces = (data[start : start + 1] for start in range(len(data))) if slowly else [data]
        for piece in pieces:
            self.wfile.write(piece)
            if slowly and self.stopped.wait(0.02):
                return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on liars."""


@contextmanager
def running(liar: Liar) -> Iterator[Liar]:
    """Serve its lies on the loopback."""
    stopped = threading.Event()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"liar": liar, "stopped": stopped}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    liar.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield liar
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


def snapshot(folder: Path, without: Path) -> dict[str, bytes | str]:
    """All that lies below a folder, but for what is below another."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if without not in (path, *path.parents) and (path.is_symlink() or path.is_file())
    } | {
        str(path.relative_to(folder)): "folder"
        for path in folder.rglob("*")
        if without not in (path, *path.parents) and path.is_dir() and not path.is_symlink()
    }
