"""Putting models on a Hub that takes them by its real protocol, and what it may refuse."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from udsd.errors import IncompatibleWeightsError, PublishError
from udsd.models import DeblurModel
from udsd.pretrained import load_model, load_model_folder, publish, publish_model, save_model

# huggingface_hub itself uploads large files in a way that httpx2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

REPO = "me/plates"
CARD = "---\nlicense: apache-2.0\n---\n\n# Plates\n"


@pytest.fixture
def writable(hub: Any, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Hub that takes uploads of whoever is logged in, as we are, and a model with a card."""
    (model_folder / "README.md").write_text(CARD)
    hub.writer = "hf_writer"
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    return hub


@pytest.mark.parametrize("revision", [None, "v2"])
def test_what_is_published_loads(writable: Any, model_folder: Path, revision: str | None) -> None:
    address = publish_model(model_folder, REPO, revision=revision)
    assert address.startswith(f"{writable.url}/{REPO}/commit/")
    expected = load_model_folder(model_folder).state_dict()
    loaded = load_model(REPO, revision=revision).state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in loaded.items())
    assert len([asked for asked in writable.requests if "/commit/" in asked.path]) == 1
    publish_model(model_folder, REPO, revision=revision)  # on a branch that is there by now


def test_nothing_else_of_the_folder_goes_out(writable: Any, model_folder: Path) -> None:
    (model_folder / "notes.txt").write_text("mine")
    (model_folder / "training_state.safetensors").write_bytes(b"large")
    publish_model(model_folder, REPO)
    sent = {path.name for path in (writable.root / REPO / "main").iterdir()}
    assert sent == {"README.md", "config.json", "model.safetensors"}


def test_a_second_time_replaces_the_first(
    writable: Any, model_folder: Path, make_model: Callable[..., DeblurModel]
) -> None:
    publish_model(model_folder, REPO)
    save_model(make_model(seed=5), model_folder)
    publish_model(model_folder, REPO)
    published = writable.root / REPO / "main" / "model.safetensors"
    assert published.read_bytes() == (model_folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("private", [False, True])
def test_private(writable: Any, model_folder: Path, private: bool) -> None:
    publish_model(model_folder, REPO, private=private)
    assert (REPO in writable.private) == private


def test_what_is_published_is_for_all_unless_said_otherwise(writable: Any, model_folder: Path) -> None:
    publish_model(model_folder, REPO)
    assert not writable.private


def test_card_that_says_nothing_is_warned_of(
    writable: Any, tmp_path: Path, make_model: Callable[..., DeblurModel], caplog: pytest.LogCaptureFixture
) -> None:
    save_model(make_model(), tmp_path / "bare")
    publish_model(tmp_path / "bare", REPO)
    assert "the card says nothing of the model" in caplog.text
    assert (writable.root / REPO / "main" / "README.md").exists()


@pytest.mark.parametrize("kind", ["missing", "empty", "another library's", "damaged"])
def test_what_is_no_model_is_not_sent(writable: Any, model_folder: Path, kind: str) -> None:
    if kind in ("missing", "empty"):
        shutil.rmtree(model_folder)
    if kind == "empty":
        model_folder.mkdir()
    elif kind == "another library's":
        (model_folder / "config.json").write_text('{"model_type": "bert"}')
    elif kind == "damaged":
        (model_folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(IncompatibleWeightsError):
        publish_model(model_folder, REPO)
    assert writable.requests == []


def test_no_token(
    writable: Any, model_folder: Path, monkeypatch: pytest.MonkeyPatch, as_documented: Callable[..., str]
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(PublishError) as caught:
        publish_model(model_folder, REPO)
    message = "publishing needs a token that may write; run `hf auth login`, or set HF_TOKEN"
    assert as_documented(caught.value) == message
    assert writable.requests == []


def test_wrong_token(writable: Any, model_folder: Path) -> None:
    with pytest.raises(PublishError, match=rf"{writable.url} does not take the token \(HTTP 401\)") as caught:
        publish_model(model_folder, REPO, token="hf_wrong")
    assert "hf_wrong" not in str(caught.value)


HUB = "https://huggingface.co"
FAILED = "cannot publish FOLDER as me/plates: "


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            {"name": "create", "status": 403, "headers": {"X-Error-Message": "You may not write here"}},
            "the token may not write to me/plates (HTTP 403: You may not write here); "
            "use one with write access, or another repository",
        ),
        (
            {"name": "commit", "status": 403},
            "the token may not write to me/plates (HTTP 403); use one with write access, or another repository",
        ),
        (
            {"name": "create", "status": 401, "headers": {"X-Error-Message": "Invalid username or password."}},
            f"{HUB} does not take the token (HTTP 401: Invalid username or password.); "
            "run `hf auth login`, or set HF_TOKEN",
        ),
        ({"name": "commit", "status": 500}, f"{FAILED}{HUB} is in trouble (HTTP 500); try again later"),
        (
            {"name": "preupload", "status": 429},
            f"{FAILED}{HUB} limits the rate (HTTP 429); wait some minutes, or log in with `hf auth login`",
        ),
        (
            {"name": "batch", "status": 413, "headers": {"X-Error-Message": "Too large"}},
            f"{FAILED}{HUB} answered with HTTP 413: Too large; check HF_ENDPOINT and the proxy",
        ),
        (
            {"name": "lfs", "status": 403},
            "the token may not write to me/plates (HTTP 403); use one with write access, or another repository",
        ),
        (
            {"name": "create", "kind": "hang up"},
            f"{FAILED}the connection to {HUB} failed (REASON); "
            "check the network, the proxy and HF_ENDPOINT, or try again later",
        ),
        (
            {"name": "validate-yaml", "kind": "refuse card"},
            'the Hub refuses FOLDER/README.md (Invalid metadata in README.md. - "license" must be one of these); '
            "correct the lines between its ---",
        ),
    ],
    ids=lambda value: f"{value['name']} {value.get('status', '')}" if isinstance(value, dict) else "",
)
def test_refusals(
    writable: Any, model_folder: Path, as_documented: Callable[..., str], fault: dict[str, Any], message: str
) -> None:
    writable.fault(**{"kind": "status", "method": "", "times": math.inf, **fault})
    with pytest.raises(PublishError) as caught:
        publish_model(model_folder, REPO)
    assert as_documented(caught.value, FOLDER=model_folder) == message


def test_a_store_in_trouble_for_a_moment(writable: Any, model_folder: Path) -> None:
    writable.fault("status", method="PUT", name="lfs", status=500)
    publish_model(model_folder, REPO)


def test_silence_is_not_waited_for_for_ever(writable: Any, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_PATIENCE", 0.3)
    writable.fault("stall", method="POST", name="commit")
    with pytest.raises(PublishError, match=r"the connection to .* failed \(timed out\)"):
        publish_model(model_folder, REPO)


@pytest.mark.parametrize("repo", ["a--b/c", "a/b..c"])
def test_invalid_repository_name(writable: Any, model_folder: Path, repo: str) -> None:
    with pytest.raises(PublishError, match=r"no valid repository name .*; give org/repo"):
        publish_model(model_folder, repo)


def test_offline(
    writable: Any, model_folder: Path, monkeypatch: pytest.MonkeyPatch, as_documented: Callable[..., str]
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(PublishError) as caught:
        publish_model(model_folder, REPO)
    assert as_documented(caught.value) == "publishing needs a connection, but HF_HUB_OFFLINE is set; unset it"
