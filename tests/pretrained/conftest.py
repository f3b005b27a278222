"""A small Hub on the loopback, and models to put on it."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained import save_model

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Refusal:
    """An answer other than the file, to everybody without the token."""

    status: int
    code: str = ""
    token: str = ""


@dataclass
class LoopbackHub:
    """Repositories served over the Hub's resolve API.

    `refusals` holds a refusal by repository. `broken_downloads` and `cut_downloads` count how many of the next
    downloads of weights arrive with a byte changed, or break off half-way.
    """

    url: str = ""
    folders: dict[str, dict[str, Path]] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    broken_downloads: int = 0
    cut_downloads: int = 0
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    stop: Callable[[], None] = lambda: None

    def publish(self, repo: str, folder: Path, revision: str = "main") -> None:
        """Serve the files of a folder under a branch or tag, and under its commit."""
        revisions = self.folders.setdefault(repo, {})
        revisions[revision] = revisions[commit_of(revision)] = folder

    def downloads(self, name: str) -> int:
        """How often a file was asked for with GET."""
        return sum(method == "GET" and path.endswith("/" + name) for method, path, _ in self.requests)


def commit_of(revision: str) -> str:
    """The commit a revision stands for; a commit stands for itself."""
    return revision if len(revision) == 40 else hashlib.sha1(revision.encode()).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: a connection per request, so that nothing is left open."""

    hub: LoopbackHub

    def log_message(self, *args: Any) -> None:
        """Keep the output of the tests clean."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        hub, parts = self.hub, self.path.strip("/").split("/")
        hub.requests.append((self.command, self.path, self.headers.get("Range", "")))
        if len(parts) != 5 or parts[2] != "resolve":
            return self._refuse(404, "")
        repo, revision, name = "/".join(parts[:2]), parts[3], parts[4]
        refusal = hub.refusals.get(repo)
        if refusal and (not refusal.token or self.headers.get("Authorization") != f"Bearer {refusal.token}"):
            return self._refuse(refusal.status, refusal.code)
        if repo not in hub.folders:
            return self._refuse(404, "RepoNotFound")
        if revision not in hub.folders[repo]:
            return self._refuse(404, "RevisionNotFound")
        path = hub.folders[repo][revision] / name
        if not path.exists():
            return self._refuse(404, "EntryNotFound")
        return self._send(path, commit_of(revision), with_body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, path: Path, commit: str, with_body: bool) -> None:
        data = path.read_bytes()
        etag = hashlib.sha256(data).hexdigest()
        damaged = with_body and path.name == WEIGHTS
        if damaged and self.hub.broken_downloads > 0:
            self.hub.broken_downloads -= 1
            data = data[:-1] + bytes([data[-1] ^ 1])
        wanted = self.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", commit)
        self.end_headers()
        end = len(data)
        if damaged and self.hub.cut_downloads > 0:
            self.hub.cut_downloads -= 1
            end //= 2
        if with_body:
            self.wfile.write(data[start:end])


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A running Hub that HF_ENDPOINT names, with a cache of its own and no waiting between attempts."""
    from huggingface_hub import constants

    served = LoopbackHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": served}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    served.url, served.stop = f"http://127.0.0.1:{server.server_port}", stop
    home = tmp_path / "hf_home"
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    environment = {"HF_ENDPOINT": served.url, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # huggingface_hub read its variables when first imported, perhaps by an earlier test; older ones know fewer.
    settings: dict[str, object] = {
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_TELEMETRY": True,
        "HF_HUB_DISABLE_XET": True,
    }
    for name, setting in settings.items():
        monkeypatch.setattr(constants, name, setting, raising=False)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    yield served
    if thread.is_alive():
        stop()


@pytest.fixture
def make_model() -> Callable[..., DeblurModel]:
    """A narrow model, other weights for another seed."""

    def make(seed: int = 0, **settings: Any) -> DeblurModel:
        torch.manual_seed(seed)
        return DeblurModel(ModelConfig(**{"base_width": 4, "residual_blocks": 1, **settings}))

    return make


@pytest.fixture
def model_folder(tmp_path: Path, make_model: Callable[..., DeblurModel]) -> Path:
    """A model folder as `save_model` writes it."""
    folder = tmp_path / "a model"
    save_model(make_model(), folder)
    return folder


@pytest.fixture
def entry_values(model_folder: Path) -> dict[str, Any]:
    """A manifest entry that describes `model_folder`."""
    data = (model_folder / WEIGHTS).read_bytes()
    return {
        "alias": "tiny",
        "description": "A tiny model",
        "repo": "acme/tiny",
        "revision": "v1",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "licence": "Apache-2.0",
        "base_width": 4,
        "scores": {"psnr_gain_db": 1.5},
    }


@pytest.fixture
def manifest_file(tmp_path: Path, entry_values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest with that entry, which UDSD_MANIFEST names."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"format_version": 1, "models": [entry_values]}))
    monkeypatch.setenv("UDSD_MANIFEST", os.fspath(path))
    return path


@pytest.fixture
def refuse(hub: LoopbackHub) -> Callable[..., None]:
    """Let the Hub refuse a repository with a status and an error code, to everybody without the token."""

    def add(repo: str, status: int, code: str, token: str = "") -> None:
        hub.refusals[repo] = Refusal(status, code, token)

    return add
