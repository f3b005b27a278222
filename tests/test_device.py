from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from udsd import device
from udsd.device import cpu_capabilities, has_fast_bfloat16, resolve_device, resolve_dtype
from udsd.errors import DeviceError

CPU = torch.device("cpu")


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device() == resolve_device("cpu") == resolve_device(CPU) == CPU


def test_auto_is_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device() == torch.device("cuda")
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(DeviceError, match=r"'cuda:2' is not there: 2 CUDA"):
        resolve_device("cuda:2")


def test_auto_is_the_gpu_of_apple_where_there_is_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which device is chosen; nothing runs there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "device_count", lambda: 1)
    assert resolve_device() == resolve_device("mps") == torch.device("mps")
    assert resolve_dtype("auto", torch.device("mps")) is torch.float32
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert resolve_device() == torch.device("cuda")


def test_other_devices_of_pytorch_are_taken_where_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.xpu, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=r"'xpu' is not there: 0 XPU device\(s\) found"):
        resolve_device("xpu")
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 1)
    assert resolve_device("xpu") == torch.device("xpu")
    with pytest.raises(DeviceError, match=r"'xpu:1' is not there"):
        resolve_device("xpu:1")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tpu", "unknown device 'tpu'"),
        ("xla", "'xla' is not supported by PyTorch as it is installed"),
        ("meta", "'meta' is not supported .* or holds no values"),
    ],
)
def test_other_devices_are_refused(name: str, reason: str) -> None:
    with pytest.raises(DeviceError, match=reason):
        resolve_device(name)


@pytest.mark.parametrize("fast", [True, False])
def test_auto_is_bfloat16_where_it_is_fast(monkeypatch: pytest.MonkeyPatch, fast: bool) -> None:
    monkeypatch.setattr(device, "has_fast_bfloat16", lambda _: fast)
    assert resolve_dtype("auto", CPU) == (torch.bfloat16 if fast else torch.float32)


def test_formats_go_by_name_and_by_themselves() -> None:
    assert resolve_dtype("bfloat16", CPU) is resolve_dtype(torch.bfloat16, CPU) is torch.bfloat16
    assert resolve_dtype("float16", torch.device("cuda")) is torch.float16
    for dtype, reason in (("float16", "slow and inexact"), ("int8", "unknown dtype"), (torch.int64, "unknown dtype")):
        with pytest.raises(DeviceError, match=reason):
            resolve_dtype(dtype, CPU)


@pytest.mark.parametrize(
    ("capabilities", "fast"),
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_bf16": False, "avx512_f": True}, False)],
)
def test_bfloat16_is_fast_with_the_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, Any], fast: bool
) -> None:
    monkeypatch.setattr(device, "cpu_capabilities", lambda: capabilities)
    assert has_fast_bfloat16(CPU) is fast


def test_without_pytorchs_own_function_linux_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PyTorch has it since 2.11 only."""
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    asked = tmp_path / "cpuinfo"
    monkeypatch.setattr(device, "Path", lambda _: asked)
    assert cpu_capabilities() == {}
    asked.write_text(
        "processor\t: 0\nmodel name\t: AMD EPYC 9R14\nflags\t\t: fpu avx512f avx512_bf16\n\n"
        "processor\t: 1\nmodel name\t: another\nflags\t\t: fpu\n"
    )
    found = cpu_capabilities()
    assert found["cpu_name"] == "AMD EPYC 9R14"
    assert found["avx512_bf16"]
    assert "avx512_vp2intersect" not in found
    assert has_fast_bfloat16(CPU)
