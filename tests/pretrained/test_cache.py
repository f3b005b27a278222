from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from udsd.errors import WeightsError
from udsd.pretrained import cached_models
from udsd.pretrained.hub import HubOptions, fetch_model_folder

REPO = "acme/plates"


def test_models_of_the_cache(hub: Any, model_folder: Path) -> None:
    for revision in ("main", "v1"):
        hub.publish(REPO, model_folder, revision)
    hub.publish("acme/faces", model_folder)
    folders = [fetch_model_folder(repo, HubOptions()) for repo in ("acme/faces", REPO)]
    by_commit = fetch_model_folder(REPO, HubOptions(revision=hub.commit_of("v1")))
    models = cached_models()
    assert [model.repo for model in models] == ["acme/faces", REPO, REPO]
    assert {model.path: model.revisions for model in models} == {**dict.fromkeys(folders, ("main",)), by_commit: ()}
    size = sum((model_folder / name).stat().st_size for name in ("config.json", "model.safetensors"))
    assert {model.bytes for model in models} == {size}
    assert json.loads(models[0].to_json()) == {
        "repo": "acme/faces",
        "revisions": ["main"],
        "commit": folders[0].name,
        "bytes": size,
        "path": str(folders[0]),
    }


@pytest.mark.parametrize("kind", ["another library's", "half fetched", "no repository"])
def test_what_is_no_model_is_passed_over(hub: Any, model_folder: Path, tmp_path: Path, kind: str) -> None:
    hub.publish(REPO, model_folder)
    cache = tmp_path / "cache"
    folder = fetch_model_folder(REPO, HubOptions(cache_dir=cache))
    if kind == "another library's":
        (folder / "config.json").resolve().write_text('{"model_type": "bert"}')
    elif kind == "half fetched":
        (folder / "model.safetensors").unlink()
    else:
        shutil.rmtree(cache / "models--acme--plates")
        (cache / "notes").mkdir()
        (cache / "notes.txt").write_text("mine")
    assert cached_models(cache) == []


def test_no_cache(hub: Any, tmp_path: Path) -> None:
    assert cached_models() == cached_models(tmp_path / "none") == []


def test_cache_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match=r"cannot read the cache .*; give another cache_dir or set HF_HOME"):
        cached_models(tmp_path / "file")
