"""What a program sets in PyTorch changes no result."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from tests.typesetting import typeset_page
from udsd import ConfigError, Deblurrer, ImageError, align_face, detect_faces, paste_face
from udsd.degradation import BlurConfig
from udsd.domains import Look, kind_of
from udsd.evaluation import SharpImage, blurred_pairs
from udsd.images import decode_image
from udsd.models import DeblurModel, ModelConfig
from udsd.surroundings import own_settings

PAGE = typeset_page(40, (120, 160))
PHOTO = np.ascontiguousarray(data.astronaut()[:260, 80:360])


@contextmanager
def default_device(name: str) -> Iterator[None]:
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def default_float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


SURROUNDINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "default device": lambda: default_device("meta"),
    "device context": lambda: torch.device("meta"),
    "default dtype": default_float64,
}


@pytest.fixture(scope="module")
def text() -> Deblurrer:
    return Deblurrer.from_pretrained("text-small", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def face() -> Deblurrer:
    return Deblurrer.from_pretrained("face", device="cpu", dtype="float32")


def as_arrays(result: Any) -> list[Any]:
    """What is compared, with its kind."""
    if isinstance(result, list | tuple):
        return [part for one in result for part in as_arrays(one)]
    if isinstance(result, Tensor):
        return [str(result.dtype), result.numpy()]
    return [np.asarray(result)] if isinstance(result, Image.Image | np.ndarray) else [result]


def check_same(found: Any, wanted: Any) -> None:
    pairs = zip(as_arrays(found), as_arrays(wanted), strict=True)
    for one, other in pairs:
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)
        else:
            assert one == other


USES: dict[str, Callable[[Deblurrer, Deblurrer], Any]] = {
    "a page": lambda text, face: text.deblur(PAGE),
    "light print": lambda text, face: text.deblur(255 - PAGE),
    "floats": lambda text, face: text.deblur((PAGE / 255).astype(np.float32)),
    "a tensor": lambda text, face: text.deblur(torch.from_numpy(PAGE.copy())[None].float() / 255),
    "an alpha channel": lambda text, face: text.deblur(Image.fromarray(PAGE).convert("RGBA")),
    "a batch": lambda text, face: list(text.deblur_batch([PAGE, 255 - PAGE])),
    "the mean of several": lambda text, face: text.deblur(PAGE, quality="best", strength=0.5),
    "a photo": lambda text, face: face.deblur(PHOTO, background="keep"),
    "draws": lambda text, face: text.sample(PAGE, 2, seed=1),
    "a blur code": lambda text, face: text.encode_blur(PAGE),
    "regions": lambda text, face: [*text.examine(PAGE), *face.examine(PHOTO)],
    "kinds": lambda text, face: [kind_of(Look(decode_image(picture).pixels)) for picture in (PAGE, PHOTO)],
    "the back-end": lambda text, face: text.backend.restore(decode_image(PAGE).pixels),
    "the steps of faces": lambda text, face: steps(),
    "synthetic blur": lambda text, face: [
        pair.blurred for pair in blurred_pairs([SharpImage("a", PHOTO)], BlurConfig(), other_paper=True)
    ],
    "loading": lambda text, face: Deblurrer.from_pretrained("text-small", device="cpu", dtype="float32").deblur(PAGE),
}


_wanted: dict[str, Any] = {}
"""Results without anything set, made once."""


def steps() -> list[Any]:
    (found, *_) = detect_faces(PHOTO)
    crop = align_face(PHOTO, found)
    as_tensor = torch.from_numpy(PHOTO).permute(2, 0, 1)
    return [found.box, crop, align_face(as_tensor, found), align_face(Image.fromarray(PHOTO), found),
            paste_face(PHOTO, found, 255 - crop)]  # fmt: skip


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_results_are_the_same_whatever_the_program_has_set(
    text: Deblurrer, face: Deblurrer, use: str, surroundings: str
) -> None:
    if use not in _wanted:
        _wanted[use] = USES[use](text, face)
    with SURROUNDINGS[surroundings]():
        found = USES[use](text, face)
    check_same(found, _wanted[use])


FIRST = """
import sys, torch
if sys.argv[1] == "device":
    torch.set_default_device("meta")
else:
    torch.set_default_dtype(torch.float64)
import numpy as np
from udsd import Deblurrer
page = np.load(sys.argv[2])
np.save(sys.argv[3], Deblurrer.from_pretrained("text-small", device="cpu", dtype="float32").deblur(page))
"""


@pytest.mark.parametrize("setting", ["device", "dtype"])
def test_what_is_set_before_the_library_is_loaded_stays_out_of_it(
    text: Deblurrer, tmp_path: Path, setting: str
) -> None:
    """Constants are made when modules are imported, and networks when they are first used."""
    np.save(tmp_path / "page.npy", PAGE)
    command = [sys.executable, "-c", FIRST, setting, str(tmp_path / "page.npy"), str(tmp_path / "restored.npy")]
    root = Path(__file__).parents[1]
    subprocess.run(command, check=True, timeout=240, env={**os.environ, "PYTHONPATH": str(root)})
    assert np.array_equal(np.load(tmp_path / "restored.npy"), text.deblur(PAGE))


def test_nothing_of_ours_leaks_into_the_program(text: Deblurrer) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.device("meta"):
        batch = text.deblur_batch([PAGE, PAGE])
        next(batch)
        assert torch.zeros(1).is_meta
        assert torch.is_autocast_enabled("cpu")
        with own_settings():
            assert not torch.is_autocast_enabled("cpu")
            assert not torch.zeros(1).is_meta
        assert torch.zeros(1).is_meta


def test_a_model_of_another_dtype_is_run_in_float32(text: Deblurrer) -> None:
    double = Deblurrer(DeblurModel(ModelConfig(base_width=4, residual_output=True)).double(), device="cpu")
    assert np.array_equal(double.deblur(PAGE), PAGE)


def test_what_holds_no_values_is_told(text: Deblurrer) -> None:
    with torch.device("meta"):
        model, image = DeblurModel(ModelConfig(base_width=4)), torch.rand(3, 20, 30)
    with pytest.raises(ConfigError, match="'meta' and hold no weights"):
        Deblurrer(model, device="cpu")
    with pytest.raises(ImageError, match="'meta' holds no values"):
        text.deblur(image)
