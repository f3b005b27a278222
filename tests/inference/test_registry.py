from __future__ import annotations

from pathlib import Path

import pytest
import torch

from udsd import Deblurrer
from udsd.errors import ConfigError
from udsd.inference import BACKENDS, OpenVINOBackend, TorchBackend, backend_name, find_backend, run_folder
from udsd.models import DeblurModel
from udsd.pretrained import resolve

CPU = torch.device("cpu")


def test_back_ends_are_found_by_name(tmp_path: Path) -> None:
    assert find_backend("torch") is TorchBackend
    assert find_backend("openvino") is OpenVINOBackend
    with pytest.raises(ConfigError, match="backend is 'tensorrt'; give one of auto, torch, openvino"):
        find_backend("tensorrt", tmp_path)


def test_the_name_of_a_back_end_is_the_one_that_finds_it(model: DeblurModel) -> None:
    class Foreign(TorchBackend):
        pass

    assert backend_name(TorchBackend(model, CPU, torch.float32)) == "torch"
    assert backend_name(Foreign(model, CPU, torch.float32)) == "Foreign"


def test_auto_takes_what_the_folder_was_exported_for(tmp_path: Path) -> None:
    assert find_backend("auto") is TorchBackend
    assert find_backend("auto", tmp_path) is TorchBackend
    (tmp_path / "openvino_model.xml").touch()
    assert find_backend("auto", tmp_path) is OpenVINOBackend
    assert find_backend("torch", tmp_path) is TorchBackend


class ExportedForIt(TorchBackend):
    """A back-end as somebody would add one: a class, and a line in the registry."""

    @classmethod
    def reads(cls, folder: Path) -> bool:
        return (folder / "mine.bin").is_file()


def test_a_new_back_end_needs_no_change_elsewhere(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "mine", ExportedForIt)
    assert not isinstance(Deblurrer.from_pretrained(model_folder).backend, ExportedForIt)
    assert isinstance(Deblurrer.from_pretrained(model_folder, backend="mine").backend, ExportedForIt)
    (model_folder / "mine.bin").touch()
    assert isinstance(run_folder(resolve(model_folder), device="cpu"), ExportedForIt)
    assert isinstance(Deblurrer.from_pretrained(model_folder, backend="torch").backend, TorchBackend)


def test_a_deblurrer_is_built_from_a_back_end(model: DeblurModel) -> None:
    backend = TorchBackend(model, CPU, torch.float32)
    deblurrer = Deblurrer(backend)
    assert deblurrer.backend is backend
    assert (deblurrer.device, deblurrer.dtype, deblurrer.config) == (CPU, torch.float32, model.config)
    with pytest.raises(ConfigError, match="a back-end has its device, dtype and memory limit already"):
        Deblurrer(backend, dtype="bfloat16")
