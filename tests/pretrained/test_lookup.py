"""From a name to a model."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from udsd.errors import ChecksumError, ConfigError, DownloadError, IncompatibleWeightsError, UnknownModelError
from udsd.models import DeblurModel
from udsd.pretrained import load_model, load_model_folder, lookup, resolve, save_model

WEIGHTS = "model.safetensors"


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of bundled models, still empty."""
    folder = tmp_path / "bundled"
    folder.mkdir()
    monkeypatch.setattr(lookup, "BUNDLED_MODELS", folder)
    return folder


@pytest.fixture
def published(hub: Any, model_folder: Path, manifest_file: Path, bundled: Path) -> Any:
    """The Hub, with the known model on it."""
    hub.publish("acme/tiny", model_folder, "v1")
    return hub


def is_model_of(model: DeblurModel, folder: Path) -> bool:
    expected = load_model_folder(folder).state_dict()
    return all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())


@pytest.mark.parametrize("kind", [str, Path])
def test_folder(model_folder: Path, kind: Callable[[Path], Any]) -> None:
    assert is_model_of(load_model(kind(model_folder)), model_folder)


def test_folder_needs_no_manifest(model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UDSD_MANIFEST", str(tmp_path / "none.json"))
    assert load_model(str(model_folder)).config.base_width == 4


def test_the_licence_is_that_of_the_manifest_wherever_its_model_lies(published: Any, model_folder: Path) -> None:
    published.publish("acme/tiny", model_folder, "v2")
    assert (resolve("tiny").licence, resolve("tiny").title) == ("Apache-2.0", "tiny v1")
    # Of another revision, and of a folder, the manifest says nothing.
    assert resolve("tiny", revision="v2").licence == ""
    assert resolve(model_folder).licence == ""


def test_model_folder_named_like_an_alias_comes_first(
    published: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., DeblurModel]
) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(make_model(seed=5), tmp_path / "tiny")
    assert is_model_of(load_model("tiny"), tmp_path / "tiny")
    assert published.requests == []


def test_other_folder_named_like_an_alias_is_no_hindrance(
    published: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_folder: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    assert is_model_of(load_model("tiny"), model_folder)


@pytest.mark.parametrize("kind", [str, Path])
def test_folder_that_is_no_model(tmp_path: Path, manifest_file: Path, kind: Callable[[Path], Any]) -> None:
    (tmp_path / "scans").mkdir()
    with pytest.raises(IncompatibleWeightsError, match=r"config\.json is missing"):
        load_model(kind(tmp_path / "scans"))


def test_path_object_is_never_an_alias(manifest_file: Path) -> None:
    with pytest.raises(UnknownModelError, match="there is no model folder tiny"):
        load_model(Path("tiny"))


def test_file_in_place_of_its_folder(model_folder: Path) -> None:
    with pytest.raises(UnknownModelError, match="is a file; give the model folder"):
        load_model(model_folder / WEIGHTS)


@pytest.mark.parametrize("name", ["zebra", "", "/nowhere/at/all", "./a", "a/b/c", "x" * 5000, "nul\0"])
def test_unknown_name(manifest_file: Path, name: str) -> None:
    with pytest.raises(UnknownModelError, match=r"give a known name \(tiny\), a model folder, or an org/repo"):
        load_model(name)


def test_close_name_is_hinted_at(manifest_file: Path) -> None:
    with pytest.raises(UnknownModelError, match="did you mean 'tiny'"):
        load_model("tinny")


def test_empty_name_is_not_the_current_folder(
    model_folder: Path, manifest_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model_folder)
    with pytest.raises(UnknownModelError):
        load_model("")
    assert load_model(".").config.base_width == 4


def test_repository(published: Any, model_folder: Path) -> None:
    published.publish("me/mine", model_folder)
    assert is_model_of(load_model("me/mine"), model_folder)


def test_unknown_repository_may_be_a_mistyped_folder(published: Any) -> None:
    with pytest.raises(UnknownModelError, match=r"no model runs/plates.*or the path, if a folder is meant"):
        load_model("runs/plates")


def test_alias_from_the_bundle(published: Any, bundled: Path, model_folder: Path) -> None:
    shutil.copytree(model_folder, bundled / "tiny")
    assert is_model_of(load_model("tiny"), model_folder)
    assert is_model_of(load_model("tiny", revision="v1", local_files_only=True), model_folder)
    assert published.requests == []


def test_alias_from_the_hub_at_its_pinned_revision(published: Any, model_folder: Path) -> None:
    assert is_model_of(load_model("tiny"), model_folder)
    assert any("/resolve/v1/" in asked.path for asked in published.requests)
    assert is_model_of(load_model("tiny", local_files_only=True), model_folder)
    assert published.downloads(WEIGHTS) == 1


def test_bundle_with_a_wrong_hash_falls_back_to_the_hub(
    published: Any,
    bundled: Path,
    model_folder: Path,
    make_model: Callable[..., DeblurModel],
    caplog: pytest.LogCaptureFixture,
) -> None:
    save_model(make_model(seed=5), bundled / "tiny")
    with caplog.at_level(logging.WARNING, "udsd"):
        assert is_model_of(load_model("tiny"), model_folder)
    assert "is not the file that the manifest names" in caplog.text
    assert published.downloads(WEIGHTS) == 1


def test_force_download_passes_the_bundle_by(published: Any, bundled: Path, model_folder: Path) -> None:
    shutil.copytree(model_folder, bundled / "tiny")
    load_model("tiny", force_download=True)
    assert published.downloads(WEIGHTS) == 1


def test_other_revision_passes_the_bundle_and_the_hash_by(
    published: Any, bundled: Path, model_folder: Path, tmp_path: Path, make_model: Callable[..., DeblurModel]
) -> None:
    shutil.copytree(model_folder, bundled / "tiny")
    save_model(make_model(seed=5), tmp_path / "next")
    published.publish("acme/tiny", tmp_path / "next", "v2")
    assert is_model_of(load_model("tiny", revision="v2"), tmp_path / "next")


def test_wrong_bytes_are_fetched_once_more(published: Any, model_folder: Path) -> None:
    published.fault("bytes")
    assert is_model_of(load_model("tiny"), model_folder)
    assert published.downloads(WEIGHTS) == 2


def test_wrong_bytes_twice_are_reported(published: Any) -> None:
    published.fault("bytes", times=2)
    with pytest.raises(ChecksumError, match=r"model\.safetensors of acme/tiny came twice with another SHA-256"):
        load_model("tiny")
    assert published.downloads(WEIGHTS) == 2


def test_wrong_bytes_in_the_cache_are_reported_offline(published: Any) -> None:
    published.fault("bytes", times=2)
    with pytest.raises(ChecksumError):
        load_model("tiny")
    with pytest.raises(ChecksumError):
        load_model("tiny", local_files_only=True)
    assert published.downloads(WEIGHTS) == 2


def test_alias_offline_and_not_bundled(published: Any) -> None:
    with pytest.raises(DownloadError, match="not in the cache"):
        load_model("tiny", local_files_only=True)


def test_options_that_contradict(model_folder: Path) -> None:
    with pytest.raises(ConfigError, match="exclude each other"):
        load_model(model_folder, local_files_only=True, force_download=True)


def test_broken_manifest_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.json").write_text(json.dumps({"format_version": 1, "models": [{}]}))
    monkeypatch.setenv("UDSD_MANIFEST", str(tmp_path / "m.json"))
    with pytest.raises(ConfigError, match="missing alias"):
        load_model("text")
