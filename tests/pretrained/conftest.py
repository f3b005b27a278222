"""A small Hub on the loopback, and models to put on it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
import torch

from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained import save_model

WEIGHTS = "model.safetensors"
LOOPBACK = "127.0.0.1,localhost"


class Request(NamedTuple):
    """What was asked for; `path` is a whole address where a proxy was asked."""

    method: str
    path: str
    range: str
    host: str
    token: str


@dataclass(frozen=True)
class Refusal:
    """An answer other than the file, to everybody without the token."""

    status: int
    code: str = ""
    token: str = ""


@dataclass
class Fault:
    """A bad answer to the next requests for a file.

    Attributes:
        kind: ``"status"``; ``"redirect"`` to another host; ``"hang up"`` without a word; ``"stall"``: nothing comes;
            ``"hold"``: it comes once `released`; ``"cut"``: the connection ends half-way through what is left;
            ``"reset"``: it is torn down there; ``"slow"``: small pieces with pauses; ``"bytes"``: one is changed;
            ``"length"``: half of the file, announced as such; ``"etag"``: it is a path; ``"refuse card"``, for uploads.
        method: The method it holds for, or "" for all.
        name: The file it holds for, or the step of an upload, or "" for all.
        times: How many requests it spoils.
        status: For kind "status".
        headers: Further headers, for kind "status".
    """

    kind: str
    method: str = "GET"
    name: str = WEIGHTS
    times: float = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class LoopbackHub:
    """Repositories served over the Hub's resolve API, and taken over its API for commits.

    `refusals` holds a refusal by repository; `faults` what spoils the next answers. A stalled answer waits for
    `released`. Uploads need the token `writer`, if it is set; they are kept below `root` and served. `messages` are
    those of the commits; a pull request is the branch ``refs/pr/1``.
    """

    url: str = ""
    root: Path = Path()
    folders: dict[str, dict[str, Path]] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    empty_branches: set[str] = field(default_factory=set)
    tags: dict[str, list[str]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    writer: str = ""
    requests: list[Request] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    stop: Callable[[], None] = lambda: None

    def publish(self, repo: str, folder: Path, revision: str = "main") -> None:
        """Serve the files of a folder under a branch or tag, and under its commit."""
        revisions = self.folders.setdefault(repo, {})
        revisions[revision] = revisions[commit_of(revision)] = folder

    def commit_of(self, revision: str) -> str:
        """The commit of a branch or tag."""
        return commit_of(revision)

    def fault(self, kind: str, **settings: Any) -> None:
        """Spoil the next answers."""
        self.faults.append(Fault(kind, **settings))

    def next_fault(self, method: str, name: str) -> Fault | None:
        """The fault of this answer, which is used up by it."""
        for fault in self.faults:
            if fault.times > 0 and fault.method in ("", method) and fault.name in ("", name):
                fault.times -= 1
                return fault
        return None

    def downloads(self, name: str) -> int:
        """How often a file was asked for with GET."""
        return sum(asked.method == "GET" and asked.path.endswith("/" + name) for asked in self.requests)


def commit_of(revision: str) -> str:
    """The commit a revision stands for; a commit stands for itself."""
    return revision if len(revision) == 40 else hashlib.sha1(revision.encode()).hexdigest()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.0: a connection per request, so that nothing is left open. Any host's files are served, as by a proxy."""

    hub: LoopbackHub

    def log_message(self, *args: Any) -> None:
        """Keep the output of the tests clean."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._take()

    def do_PUT(self) -> None:
        self._take()

    def _log(self) -> list[str]:
        host, token = self.headers.get("Host", ""), self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.hub.requests.append(Request(self.command, self.path, self.headers.get("Range", ""), host, token))
        return urlsplit(self.path).path.strip("/").split("/")

    def _answer(self) -> None:
        hub, parts = self.hub, self._log()
        if parts[:2] == ["api", "models"] and parts[-1] == "refs":
            return self._reply(self._refs("/".join(parts[2:4])))
        if len(parts) != 5 or parts[2] != "resolve":
            return self._refuse(404)
        repo, revision, name = "/".join(parts[:2]), parts[3], parts[4]
        refusal = hub.refusals.get(repo)
        # The other host is a store with signed addresses: it asks for no token.
        if refusal and not self._is_other_host() and (not refusal.token or not self._has_token(refusal.token)):
            return self._refuse(refusal.status, {"X-Error-Code": refusal.code})
        if repo not in hub.folders:
            return self._refuse(404, {"X-Error-Code": "RepoNotFound"})
        if revision not in hub.folders[repo]:
            return self._refuse(404, {"X-Error-Code": "RevisionNotFound"})
        path = hub.folders[repo][revision] / name
        if not path.exists():
            return self._refuse(404, {"X-Error-Code": "EntryNotFound"})
        return self._send(path, commit_of(revision))

    def _refs(self, repo: str) -> dict[str, Any]:
        tags = [
            {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": commit_of(tag)}
            for tag in self.hub.tags.get(repo, [])
        ]
        return {"branches": [], "converts": [], "tags": tags}

    def _is_other_host(self) -> bool:
        return self.headers.get("Host", "").startswith("localhost")

    def _has_token(self, token: str) -> bool:
        return self.headers.get("Authorization") == f"Bearer {token}"

    def _refuse(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for header, value in {**(headers or {}), "Content-Length": "0"}.items():
            if value:
                self.send_header(header, value)
        self.end_headers()

    def _send(self, path: Path, commit: str) -> None:
        data = path.read_bytes()
        sha256, size = hashlib.sha256(data).hexdigest(), len(data)
        fault = self.hub.next_fault(self.command, path.name)
        kind = "" if fault is None else fault.kind
        if fault is not None and kind == "status":
            return self._refuse(fault.status, fault.headers)
        if kind in ("stall", "hold"):
            self.hub.released.wait(20)
        if kind in ("stall", "hang up"):
            return None
        if kind == "bytes":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if kind == "length":
            data = data[: size // 2]
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        redirected = kind == "redirect" and not self._is_other_host()
        headers = {"X-Repo-Commit": commit, "ETag": f'"{sha256}"', "Content-Length": str(len(data) - start)}
        if redirected:
            other = self.hub.url.replace("127.0.0.1", "localhost")
            linked = {"Location": other + self.path, "X-Linked-ETag": f'"{sha256}"', "X-Linked-Size": str(size)}
            headers = {**headers, **linked, "Content-Length": "0"}
        if kind == "etag":
            headers["ETag"] = '"../x"'
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.send_response(302 if redirected else 206 if start else 200)
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command == "GET" and not redirected:
            end = (start + len(data)) // 2 if kind in ("cut", "reset") else len(data)
            self._send_body(data[start:end], slowly=kind == "slow")
        if kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        return None

    def _send_body(self, data: bytes, *, slowly: bool) -> None:
        pieces = 10 if slowly else 1
        length = -(-len(data) // pieces)
        for start in range(0, len(data), length):
            self.wfile.write(data[start : start + length])
            if slowly:
                threading.Event().wait(0.03)

    def _take(self) -> None:
        """Enough of the Hub's API to publish: a repository, branches, tags, large files, commits, pull requests."""
        hub, parts = self.hub, self._log()
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        step = parts[-2] if parts[:2] == ["api", "models"] or parts[0] == "lfs" else parts[-1]
        fault = hub.next_fault(self.command, step)
        if fault is not None and fault.kind == "stall":
            hub.released.wait(20)
        if fault is not None and fault.kind in ("stall", "hang up"):
            return None
        if fault is not None and fault.kind == "refuse card":
            return self._reply({"errors": [{"message": '"license" must be one of these'}]}, 400)
        if fault is not None:
            return self._refuse(fault.status, fault.headers)
        if parts[0] == "lfs":
            hub.blobs[parts[1]] = body
            return self._reply({})
        if hub.writer and not self._has_token(hub.writer):
            return self._refuse(401)
        match parts:
            case ["api", "repos", "create"]:
                return self._create(**json.loads(body))
            case ["api", "validate-yaml"]:
                return self._reply({})
            case ["api", "models", *names, "preupload", _]:
                files = [
                    {
                        "path": file["path"],
                        "uploadMode": "lfs" if file["path"].endswith((WEIGHTS, ".bin", ".onnx")) else "regular",
                        "shouldIgnore": False,
                    }
                    for file in json.loads(body)["files"]
                ]
                return self._reply({"files": files})
            case [*_, "info", "lfs", "objects", "batch"]:
                asked = json.loads(body)["objects"]
                actions = [
                    {**entry, "actions": {"upload": {"href": f"{hub.url}/lfs/{entry['oid']}"}}} for entry in asked
                ]
                return self._reply({"transfer": "basic", "objects": actions})
            case ["api", "models", *names, "branch", branch]:
                known = branch in hub.folders["/".join(names)] or branch in hub.empty_branches
                hub.empty_branches.add(branch)
                return self._refuse(409) if known else self._reply({})
            case ["api", "models", *names, "tag", revision]:
                return self._tag("/".join(names), revision, **json.loads(body))
            case ["api", "models", *names, "commit", branch]:
                repo, query = "/".join(names), parse_qs(urlsplit(self.path).query)
                if repo not in hub.folders:
                    return self._refuse(404, {"X-Error-Code": "RepoNotFound"})
                if branch not in {"main", *hub.empty_branches, *hub.folders[repo]}:
                    return self._refuse(404, {"X-Error-Code": "RevisionNotFound"})
                target = "refs/pr/1" if query.get("create_pr") == ["1"] else branch
                return self._commit(repo, target, [json.loads(line) for line in body.splitlines()])
        return self._refuse(404)

    def _create(self, organization: str, name: str, visibility: str = "public") -> None:
        repo = f"{organization}/{name}"
        known = repo in self.hub.folders
        self.hub.folders.setdefault(repo, {})
        if visibility == "private" and not known:
            self.hub.private.add(repo)
        self._reply({"url": f"{self.hub.url}/{repo}"}, 409 if known else 200)

    def _commit(self, repo: str, branch: str, lines: list[dict[str, Any]]) -> None:
        folder = self.hub.root / repo / branch
        folder.mkdir(parents=True, exist_ok=True)
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.hub.messages.append("\n\n".join(filter(None, (value["summary"], value["description"]))))
                continue
            (folder / value["path"]).parent.mkdir(exist_ok=True)
            if line["key"] == "file":
                (folder / value["path"]).write_bytes(base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                (folder / value["path"]).write_bytes(self.hub.blobs[value["oid"]])
        self.hub.publish(repo, folder, branch)
        commit = commit_of(branch)
        answer = {"commitUrl": f"{self.hub.url}/{repo}/commit/{commit}", "commitOid": commit}
        if branch.startswith("refs/pr/"):
            answer["pullRequestUrl"] = f"{self.hub.url}/{repo}/discussions/{branch.removeprefix('refs/pr/')}"
        self._reply(answer)

    def _tag(self, repo: str, revision: str, tag: str) -> None:
        """A copy: later commits to the branch leave a tag as it is."""
        folder = self.hub.root / repo / "tags" / tag
        shutil.copytree(self.hub.folders[repo][revision], folder)
        self.hub.publish(repo, folder, tag)
        self.hub.tags.setdefault(repo, []).append(tag)
        self._reply({})

    def _reply(self, values: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A running Hub that HF_ENDPOINT names, with a cache of its own and no waiting between attempts."""
    from huggingface_hub import constants

    served = LoopbackHub(root=tmp_path / "hub")
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": served}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def stop() -> None:
        served.released.set()
        server.shutdown()
        server.server_close()
        thread.join()

    served.url, served.stop = f"http://127.0.0.1:{server.server_port}", stop
    home = tmp_path / "hf_home"
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    environment = {"HF_ENDPOINT": served.url, "HF_HOME": str(home), "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}
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


@pytest.fixture
def as_documented(hub: LoopbackHub) -> Callable[..., str]:
    """Bring a message into the form that docs/hub.md has it in, and see that it stands there.

    The address is that of the public Hub; capitals stand for what depends on the case, also for given paths.
    """
    documentation = (Path(__file__).parents[2] / "docs" / "hub.md").read_text(encoding="utf-8")

    def bring(message: object, **paths: Path) -> str:
        text = str(message).replace(hub.url, "https://huggingface.co")
        for name, path in paths.items():
            text = text.replace(str(path), name)
        text = re.sub(r"(failed|is full) \(.*\);", r"\1 (REASON);", text)
        text = re.sub("[0-9a-f]{40}", "COMMIT", re.sub("[0-9a-f]{64}", "SHA256", text))
        assert text.join(("`` ", " ``") if "`" in text else ("`", "`")) in documentation
        return text

    return bring
