"""Fetching from a Hub: a real server on the loopback, its refusals, and a broken disk."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from udsd.errors import ConfigError, DownloadError, IncompatibleWeightsError, UnknownModelError
from udsd.pretrained.folder import ESTIMATOR_FILE
from udsd.pretrained.hub import HubOptions, fetch_model_folder
from udsd.pretrained.lookup import BUNDLED_MODELS

REPO = "acme/tiny"


def fetch(repo: str = REPO, **options: Any) -> Path:
    return fetch_model_folder(repo, HubOptions(**options))


def test_fetches_two_files_and_then_finds_them(hub: Any, model_folder: Path) -> None:
    hub.publish(REPO, model_folder)
    folder = fetch()
    fetched = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert fetched == {name: (model_folder / name).read_bytes() for name in ("config.json", "model.safetensors")}
    assert fetch() == folder
    assert hub.downloads("model.safetensors") == hub.downloads("config.json") == 1


def test_revision(hub: Any, model_folder: Path) -> None:
    hub.publish(REPO, model_folder, "v1")
    assert fetch(revision="v1").is_dir()
    with pytest.raises(DownloadError, match="acme/tiny has no revision 'v2'"):
        fetch(revision="v2")


def test_a_revision_that_is_gone_is_not_answered_from_the_cache(hub: Any, model_folder: Path) -> None:
    hub.publish(REPO, model_folder, "v1")
    fetch(revision="v1")
    del hub.folders[REPO]["v1"]
    with pytest.raises(DownloadError, match="acme/tiny has no revision 'v1'"):
        fetch(revision="v1")


def test_both_files_are_of_one_commit(hub: Any, model_folder: Path) -> None:
    hub.publish(REPO, model_folder)
    folder = fetch()
    weights = [asked.path for asked in hub.requests if asked.path.endswith("model.safetensors")]
    assert weights
    assert all(folder.name in path for path in weights)


def test_cache_dir(hub: Any, model_folder: Path, tmp_path: Path) -> None:
    hub.publish(REPO, model_folder)
    assert fetch(cache_dir=tmp_path / "mine").is_relative_to(tmp_path / "mine")
    assert fetch().is_relative_to(tmp_path / "hf_home")


def test_force_download(hub: Any, model_folder: Path) -> None:
    hub.publish(REPO, model_folder)
    fetch()
    fetch(force_download=True)
    assert hub.downloads("model.safetensors") == 2


def test_offline_the_cache_serves(hub: Any, model_folder: Path) -> None:
    hub.publish(REPO, model_folder)
    folder = fetch()
    asked = len(hub.requests)
    assert fetch(local_files_only=True) == folder
    assert len(hub.requests) == asked
    hub.stop()
    assert fetch() == folder


def test_offline_without_a_cache(hub: Any, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    hub.publish(REPO, model_folder)
    with pytest.raises(DownloadError, match="not in the cache and downloading is off"):
        fetch(local_files_only=True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for force in (False, True):
        with pytest.raises(DownloadError, match="not in the cache and downloading is off"):
            fetch(force_download=force)
    assert hub.requests == []


def test_nobody_listens(hub: Any) -> None:
    hub.stop()
    for force in (False, True):
        with pytest.raises(
            DownloadError, match=rf"the connection to {hub.url} failed \(.*refused\); check the network"
        ):
            fetch(force_download=force)


@pytest.mark.parametrize("endpoint", ["nowhere", "http://[", "ftp://127.0.0.1"])
def test_endpoint_that_is_no_url(hub: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(ConfigError, match=r"HF_ENDPOINT is .*; give the address of a Hub"):
        fetch()
    assert hub.requests == []


def test_cut_download_goes_on_where_it_broke_off(hub: Any, model_folder: Path) -> None:
    hub.publish(REPO, model_folder)
    hub.fault("cut")
    folder = fetch()
    assert (folder / "model.safetensors").read_bytes() == (model_folder / "model.safetensors").read_bytes()
    ranges = [asked.range for asked in hub.requests if asked.range]
    received = (model_folder / "model.safetensors").stat().st_size // 2
    assert ranges == [f"bytes={received}-"]


@pytest.mark.parametrize(("cuts", "anew"), [(5, 0), (6, 1)])
def test_a_file_is_taken_up_five_times_before_it_is_asked_for_anew(
    hub: Any, model_folder: Path, caplog: pytest.LogCaptureFixture, cuts: int, anew: int
) -> None:
    hub.publish(REPO, model_folder)
    hub.fault("cut", times=cuts)
    assert fetch().is_dir()
    assert hub.downloads("model.safetensors") == cuts + 1
    assert sum("trying again" in message for message in caplog.messages) == anew


def test_token_opens_a_gated_repository(hub: Any, refuse: Any, model_folder: Path) -> None:
    hub.publish(REPO, model_folder)
    refuse(REPO, 401, "GatedRepo", token="hf_right")
    with pytest.raises(DownloadError, match="gated") as caught:
        fetch(token="hf_wrong")
    assert "hf_wrong" not in str(caught.value)
    assert fetch(token="hf_right").is_dir()


def test_repository_of_another_library_is_not_downloaded(hub: Any, model_folder: Path) -> None:
    (model_folder / "config.json").write_text('{"model_type": "bert"}')
    hub.publish(REPO, model_folder)
    with pytest.raises(IncompatibleWeightsError, match="no udsd model"):
        fetch()
    assert hub.downloads("model.safetensors") == 0


def test_server_that_is_no_hub(hub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.publish("mirror/acme", tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", hub.url + "/some/page")
    with pytest.raises(DownloadError, match="check HF_ENDPOINT"):
        fetch()


@pytest.mark.parametrize("repo", ["a--b/c", "a/b..c", "a/" + "b" * 120])
def test_invalid_repository_name(hub: Any, repo: str) -> None:
    with pytest.raises(UnknownModelError, match="no valid repository name"):
        fetch(repo)
    assert hub.requests == []


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "the disk of the cache is full"),
        (errno.EDQUOT, "the disk of the cache is full"),
        (errno.EROFS, "the cache cannot be written"),
        (errno.EACCES, "the cache cannot be written"),
    ],
)
def test_disk_errors(hub: Any, model_folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str) -> None:
    hub.publish(REPO, model_folder)

    def fail(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number), str(target))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(DownloadError, match=message):
        fetch()


def test_contradiction() -> None:
    with pytest.raises(ConfigError, match="local_files_only and force_download"):
        HubOptions(local_files_only=True, force_download=True)


def test_endpoint_of_the_environment_in_a_new_process(hub: Any, model_folder: Path) -> None:
    hub.publish(REPO, model_folder)
    program = (
        "import sys, udsd.pretrained\n"
        "assert 'huggingface_hub' not in sys.modules, 'imported too early'\n"
        f"print(udsd.pretrained.load_model({REPO!r}).config.base_width)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "4\n"), done.stderr
    assert hub.downloads("model.safetensors") == 1


def test_an_estimator_of_blur_comes_with_the_model(hub: Any, model_folder: Path) -> None:
    shutil.copy(BUNDLED_MODELS / "face" / ESTIMATOR_FILE, model_folder)
    hub.publish(REPO, model_folder)
    folder = fetch()
    assert (folder / ESTIMATOR_FILE).read_bytes() == (model_folder / ESTIMATOR_FILE).read_bytes()
    assert fetch() == folder
    assert hub.downloads(ESTIMATOR_FILE) == 1


def test_that_there_is_no_estimator_is_asked_once(hub: Any, model_folder: Path) -> None:
    hub.publish(REPO, model_folder)
    folder = fetch()
    assert fetch() == fetch(local_files_only=True) == folder
    assert sum(asked.path.endswith(ESTIMATOR_FILE) for asked in hub.requests) == 1


def test_a_model_restores_without_the_estimator_that_cannot_be_had(
    hub: Any, model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(BUNDLED_MODELS / "face" / ESTIMATOR_FILE, model_folder)
    hub.publish(REPO, model_folder)
    hub.fault("status", name=ESTIMATOR_FILE, times=99)
    assert not (fetch() / ESTIMATOR_FILE).exists()
    assert "the general estimator" in caplog.text
    hub.faults.clear()
    assert (fetch() / ESTIMATOR_FILE).is_file()
