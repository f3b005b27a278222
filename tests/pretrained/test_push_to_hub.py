"""`Deblurrer.push_to_hub` against the loopback Hub."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import ModelHubMixin
from PIL import Image

from udsd import Deblurrer
from udsd.errors import ConfigError, PublishError
from udsd.models import DeblurModel

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

REPO = "me/plates"


@pytest.fixture
def writable(hub: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    hub.writer = "hf_writer"
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    return hub


def test_a_model_in_memory_goes_there_and_back(writable: Any, make_model: Callable[..., DeblurModel]) -> None:
    deblurrer = Deblurrer(make_model(), device="cpu", dtype="float32")
    address = deblurrer.push_to_hub(REPO, commit_message="First", private=True, branch="v2", tag="v2.0")
    assert address.startswith(f"{writable.url}/{REPO}/commit/")
    assert writable.messages == ["First"]
    assert REPO in writable.private
    image = np.random.default_rng(0).integers(0, 256, (40, 44, 3), dtype=np.uint8)
    for revision in ("v2", "v2.0"):
        loaded = Deblurrer.from_pretrained(REPO, revision=revision, device="cpu", dtype="float32")
        difference = loaded(image).astype(int) - deblurrer(image)
        assert np.abs(difference).max() <= 1  # half precision of the file


def test_card_licence_and_pictures_of_its_folder_go_with_it(writable: Any, model_folder: Path) -> None:
    (model_folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Plates\n![x](shown.png)\n")
    (model_folder / "LICENSE").write_text("Take it.")
    (model_folder / "notes.txt").write_text("mine")
    Image.new("RGB", (8, 8)).save(model_folder / "shown.png")
    deblurrer = Deblurrer.from_pretrained(model_folder, device="cpu")
    with torch.no_grad():
        next(iter(deblurrer.backend.model.parameters())).mul_(2)
    deblurrer.push_to_hub(REPO, create_pr=False)
    published = writable.root / REPO / "main"
    assert {path.name for path in published.iterdir()} == {
        "LICENSE",
        "README.md",
        "config.json",
        "model.safetensors",
        "shown.png",
    }
    assert (published / "README.md").read_text() == (model_folder / "README.md").read_text()
    assert (published / "model.safetensors").read_bytes() != (model_folder / "model.safetensors").read_bytes()


def test_an_unchanged_model_keeps_its_bytes(writable: Any, model_folder: Path) -> None:
    Deblurrer.from_pretrained(model_folder, device="cpu").push_to_hub(REPO)
    published = writable.root / REPO / "main" / "model.safetensors"
    assert published.read_bytes() == (model_folder / "model.safetensors").read_bytes()


def test_a_pull_request(writable: Any, make_model: Callable[..., DeblurModel]) -> None:
    deblurrer = Deblurrer(make_model(), device="cpu")
    deblurrer.push_to_hub(REPO)
    assert deblurrer.push_to_hub(REPO, create_pr=True) == f"{writable.url}/{REPO}/discussions/1"


def test_without_a_token_there_is_one_clear_error(
    writable: Any, make_model: Callable[..., DeblurModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(PublishError, match=r"publishing needs a token that may write; run `hf auth login`, or set HF"):
        Deblurrer(make_model(), device="cpu").push_to_hub(REPO)
    assert writable.requests == []


def test_a_token_that_is_given_counts(writable: Any, make_model: Callable[..., DeblurModel]) -> None:
    with pytest.raises(PublishError, match="does not take the token"):
        Deblurrer(make_model(), device="cpu").push_to_hub(REPO, token="hf_wrong")
    assert {asked.token for asked in writable.requests} == {"hf_wrong"}


def test_an_exported_model_has_no_weights_to_push(writable: Any, model_folder: Path) -> None:
    pytest.importorskip("openvino")
    from udsd.export import export_openvino
    from udsd.pretrained import load_model_folder

    export_openvino(load_model_folder(model_folder), model_folder / "openvino")
    with pytest.raises(ConfigError):
        Deblurrer.from_pretrained(model_folder / "openvino").push_to_hub(REPO)
    assert writable.requests == []


def test_its_arguments_are_those_of_huggingface_hub() -> None:
    """But for those that choose files and write a card, which are not for the caller to decide here."""
    theirs = set(inspect.signature(ModelHubMixin.push_to_hub).parameters)
    ours = set(inspect.signature(Deblurrer.push_to_hub).parameters)
    assert theirs - ours == {"config", "allow_patterns", "ignore_patterns", "delete_patterns", "model_card_kwargs"}


def test_the_class_is_imported_without_huggingface_hub() -> None:
    code = "import sys, udsd; udsd.Deblurrer.push_to_hub; assert 'huggingface_hub' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
