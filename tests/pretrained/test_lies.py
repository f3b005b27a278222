"""Conversations with a Hub that lies: nothing but a model or an error comes of them, and nothing leaves the cache.

Forty of them run with the other tests. ``UDSD_LIES=0:200`` runs those with other seeds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.pretrained.liar import Liar, running, snapshot
from udsd.errors import DownloadError, UdsdError
from udsd.pretrained import load_model_folder, transfer
from udsd.pretrained.hub import HubOptions, fetch_model_folder

REPO = "acme/plates"
SEEDS = range(*map(int, os.environ.get("UDSD_LIES", "0:40").split(":")))
HONEST = 99
KINDS_OF_REDIRECTS = (301, 302, 303, 307, 308, 302)


@pytest.fixture
def mirror(hub: Any, tmp_path: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start a liar that HF_ENDPOINT names; patience is scaled down, and files that it must not touch lie around."""
    from huggingface_hub import constants

    hub.stop()
    monkeypatch.setattr(transfer, "PATIENCE", 0.4)
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "home").mkdir()
    files = {name: (model_folder / name).read_bytes() for name in ("config.json", "model.safetensors")}
    targets = [str(tmp_path / "victim"), str(tmp_path / "new"), *("../" * depth + "victim" for depth in range(1, 6))]
    open_ones = []

    def start(seed: int) -> Liar:
        context = running(Liar(files, targets, seed))
        liar = context.__enter__()
        open_ones.append(context)
        monkeypatch.setenv("HF_ENDPOINT", liar.url)
        return liar

    yield start
    for context in open_ones:
        context.__exit__(None, None, None)


@contextmanager
def patience() -> Iterator[None]:
    """Wait for an honest answer as long as users do, on a busy machine too."""
    from huggingface_hub import constants

    with pytest.MonkeyPatch.context() as patient:
        patient.setattr(transfer, "PATIENCE", 60.0)
        patient.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 10)
        patient.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 10)
        yield


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_conversation(mirror: Any, tmp_path: Path, seed: int) -> None:
    cache = tmp_path / "cache"
    liar = mirror(seed)
    if seed % 3 == 0:  # there is a sound copy from before
        liar.honest, honest = HONEST, liar.honest
        with patience():
            sound = fetch_model_folder(REPO, HubOptions(cache_dir=cache))
        liar.honest = honest
    before = snapshot(tmp_path, without=cache)
    options = HubOptions(cache_dir=cache, force_download=seed % 2 == 0, revision=[None, "v1", "c" * 40][seed % 5 % 3])
    # What neither gives a model nor an error of ours is raised, and fails here.
    with suppress(UdsdError):
        load_model_folder(fetch_model_folder(REPO, options))
    assert snapshot(tmp_path, without=cache) == before
    for path in cache.rglob("*"):
        assert path.resolve().is_relative_to(cache.resolve())
        assert not path.name.startswith(".udsd-")
    if seed % 6 == 3:  # and without force it is the same as before
        load_model_folder(sound)


@pytest.mark.parametrize("etag", ["../../../../victim", 'W/"../../x"', "..", "/etc/passwd", "a/b", "x.lock", "a" * 200])
@pytest.mark.parametrize("header", ["ETag", "X-Linked-Etag"])
@pytest.mark.parametrize("honest", [0, 2])
def test_an_etag_that_is_no_name(
    mirror: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, etag: str, header: str, honest: int
) -> None:
    """At the first answer, and at that for the weights after an honest one for the configuration."""
    liar = mirror(0)
    liar.honest = HONEST
    before = snapshot(tmp_path, without=tmp_path / "cache")
    tell_truth, count = liar.answer, [0]

    def answer(method: str, path: str) -> Any:
        status, headers, body, pace = tell_truth(method, path)
        count[0] += 1
        if count[0] > honest:
            headers = [pair for pair in headers if pair[0] != header] + [(header, etag)]
        return status, headers, body, pace

    monkeypatch.setattr(liar, "answer", answer)
    with pytest.raises(DownloadError, match=r"does not answer as a Hub does \(its ETag is '"):
        fetch_model_folder(REPO, HubOptions(cache_dir=tmp_path / "cache", force_download=True))
    assert snapshot(tmp_path, without=tmp_path / "cache") == before


@pytest.mark.parametrize("pace", ["trickle", "trickle headers"])
def test_a_trickle_ends(mirror: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pace: str) -> None:
    liar = mirror(0)
    liar.honest = HONEST
    tell_truth = liar.answer
    monkeypatch.setattr(liar, "answer", lambda method, path: (*tell_truth(method, path)[:3], pace))
    started = time.monotonic()
    with pytest.raises(DownloadError, match=r"sent less than 32 KB a second for more than 0\.4 s; try again later"):
        fetch_model_folder(REPO, HubOptions(cache_dir=tmp_path / "cache"))
    assert time.monotonic() - started < 20
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_the_bar_goes_back_where_a_server_sends_all_again(
    mirror: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The liar knows nothing of ranges; here it only breaks off once, in the middle of the weights."""
    from huggingface_hub import utils

    liar = mirror(0)
    liar.honest = HONEST
    tell_truth = liar.answer
    broken: list[str] = []
    told: dict[int, list[int]] = {}

    def answer(method: str, path: str) -> Any:
        status, headers, body, pace = tell_truth(method, path)
        if method == "GET" and path.endswith("model.safetensors") and not broken:
            broken.append(path)
            body = body[: len(body) // 2]
        return status, headers, body, pace

    def update(bar: Any, size: int) -> None:
        told.setdefault(bar.total, []).append(size)

    monkeypatch.setattr(liar, "answer", answer)
    monkeypatch.setattr(utils.tqdm, "update", update)
    fetch_model_folder(REPO, HubOptions(cache_dir=tmp_path / "cache"))
    assert any(size < 0 for sizes in told.values() for size in sizes)
    assert all(sum(sizes) == total for total, sizes in told.items())


@pytest.mark.parametrize(
    ("base", "target"),
    [
        ("https://hub.example/a", "http://hub.example/a"),
        ("http://hub.example/a", "ftp://hub.example/a"),
        ("https://hub.example/a", "https://:443/a"),
        ("https://hub.example/a", "https://other.example:0/a"),
        ("https://hub.example/a", "https://other.example:99999/a"),
        ("https://hub.example/a", "https://other.example/a\x1b[2J"),
    ],
)
def test_an_address_that_is_none_or_less_safe_is_not_followed(base: str, target: str) -> None:
    with pytest.raises(transfer.BadAnswerError, match="it redirects to"):
        transfer._checked_address(base, target)
    assert transfer._checked_address(base, "https://other.example:444/b") == "https://other.example:444/b"
    assert transfer._checked_address(base, "/c") == base[:-1] + "c"


@pytest.mark.parametrize("redirects", [5, 6])
def test_five_redirects_are_followed(
    mirror: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redirects: int
) -> None:
    liar = mirror(0)
    liar.honest = HONEST
    tell_truth = liar.answer
    asked: list[str] = []

    def answer(method: str, path: str) -> Any:
        status, headers, body, pace = tell_truth(method, path)
        if method == "GET" and path.endswith("model.safetensors"):
            asked.append(path)
            if len(asked) <= redirects:
                status = f"{KINDS_OF_REDIRECTS[len(asked) - 1]} Elsewhere"
                return status, [("Location", f"/{len(asked)}{path}"), ("Content-Length", "0")], b"", pace
        return status, headers, body, pace

    monkeypatch.setattr(liar, "answer", answer)
    if redirects == 5:
        fetch_model_folder(REPO, HubOptions(cache_dir=tmp_path / "cache"))
    else:
        with pytest.raises(DownloadError, match="it redirects more than 5 times"):
            fetch_model_folder(REPO, HubOptions(cache_dir=tmp_path / "cache"))
    assert len(asked) == 6
    assert asked[1] == f"/1{asked[0]}"
