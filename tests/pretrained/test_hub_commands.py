"""``udsd download``, ``udsd cache`` and ``udsd publish`` against the loopback Hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run
from udsd.pretrained import load_model
from udsd.pretrained.lookup import BUNDLED_MODELS

REPO = "acme/plates"


def test_downloaded_model_loads_offline(
    hub: Any, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.publish(REPO, model_folder, "v1")
    assert run("download", REPO, "--revision", "v1", "--cache-dir", tmp_path / "cache") == 0
    folder, _, size = capsys.readouterr().out.strip().partition("  ")
    assert (Path(folder) / "model.safetensors").is_file()
    assert size == "0.1 MB"
    hub.stop()
    load_model(REPO, revision="v1", cache_dir=tmp_path / "cache", local_files_only=True)


@pytest.mark.usefixtures("manifest_file")
def test_known_name(hub: Any, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub.publish("acme/tiny", model_folder, "v1")
    assert run("download", "tiny") == 0
    assert run("download", "tiny", "--force") == 0
    assert hub.downloads("model.safetensors") == 2
    assert run("download", "tinny") == 2
    assert "did you mean 'tiny'" in capsys.readouterr().err


def test_bundled_model_needs_no_download(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("download", "text") == 0
    size = sum(file.stat().st_size for file in (BUNDLED_MODELS / "text").iterdir())
    assert capsys.readouterr().out.endswith(f"text  {size / 1e6:.1f} MB\n")
    assert hub.requests == []


def test_token(hub: Any, refuse: Any, model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub.publish(REPO, model_folder)
    refuse(REPO, 401, "GatedRepo", token="hf_right")
    assert run("download", REPO) == 2
    assert capsys.readouterr().err.startswith("udsd: acme/plates is gated; ask for access")
    assert run("download", REPO, "--token", "hf_right") == 0


def test_file_that_is_damaged_on_the_hub_is_found_out(
    hub: Any, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = model_folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    hub.publish(REPO, model_folder)
    assert run("download", REPO) == 2
    assert "truncated or no safetensors file" in capsys.readouterr().err


def test_cache_lists_models(hub: Any, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = tmp_path / "cache"
    assert run("cache", "--cache-dir", cache) == 0
    assert capsys.readouterr().out == "repository  revision  MB  folder\n"
    hub.publish(REPO, model_folder)
    run("download", REPO, "--cache-dir", cache)
    folder = capsys.readouterr().out.partition("  ")[0]
    assert run("cache", "--cache-dir", cache) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [REPO, "main", "0.1", folder]
    assert run("cache", "--cache-dir", cache, "--json") == 0
    assert json.loads(capsys.readouterr().out)["path"] == folder


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_publish(
    hub: Any, model_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("publish", model_folder, "me/plates") == 2
    assert capsys.readouterr().err.startswith("udsd: publishing needs a token")
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    assert run("publish", model_folder, "me/plates", "--private", "--revision", "v2") == 0
    assert capsys.readouterr().out.startswith(f"{hub.url}/me/plates/commit/")
    assert "me/plates" in hub.private
    load_model("me/plates", revision="v2")


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_publish_with_a_tag_and_a_pull_request(
    hub: Any, model_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    assert run("publish", model_folder, "me/plates", "--tag", "v1", "--message", "The first") == 0
    assert (hub.tags, hub.messages) == ({"me/plates": ["v1"]}, ["The first"])
    assert "me/plates" not in hub.private
    load_model("me/plates", revision="v1")
    capsys.readouterr()
    assert run("publish", model_folder, "me/plates", "--tag", "v1") == 2
    assert "me/plates has a tag v1 already" in capsys.readouterr().err
    assert run("publish", model_folder, "me/plates", "--create-pr") == 0
    assert capsys.readouterr().out == f"{hub.url}/me/plates/discussions/1\n"
