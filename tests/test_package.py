from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import udsd
import udsd.errors
from udsd.extras import find

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"

PUBLIC = {
    "udsd.evaluation": "EvaluationPair EvaluationReport ImageScores MeanScores Method TextStrips SharpImage TextScores "
    "blurred_pairs character_error_rate correlation evaluate feature_distance folder_pairs mean_color_error psnr "
    "recognise_text shift_tolerant_psnr ssim unsharp_mask whole_images",
    "udsd.files": "FileReport FileResult compare_file deblur_pdf restore_files",
    "udsd.images": "compare DecodedImage DeepImage ImageLike ImagePages Page decode_image find_images read_size "
    "remove_unfinished save_image save_pages set_page_limit set_pixel_limit side_by_side",
    "udsd": "ChecksumError ConfigError Deblurrer DeviceError DownloadError ImageError IncompatibleWeightsError "
    "MemoryLimitError PublishError UdsdError UnknownModelError WeightsError __version__ "
    "compare list_models",
}
"""What users may rely on. A name that goes from here warns for one minor version before."""


def test_all_names_are_there_and_sorted() -> None:
    assert sorted(udsd.__all__) == udsd.__all__
    assert all(hasattr(udsd, name) for name in udsd.__all__)


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_interface_is_kept(module: str) -> None:
    names = importlib.import_module(module).__all__
    assert set(PUBLIC[module].split()) <= set(names)
    assert all(hasattr(importlib.import_module(module), name) for name in names)


def test_an_earlier_name_warns() -> None:
    evaluation = importlib.import_module("udsd.evaluation")
    with pytest.warns(DeprecationWarning, match="PageStrips is called TextStrips now"):
        assert evaluation.PageStrips is evaluation.TextStrips
    with pytest.raises(AttributeError, match="has no attribute 'Nonesuch'"):
        evaluation.Nonesuch  # noqa: B018


def test_values_cannot_be_changed_by_mistake() -> None:
    """Dataclasses are frozen and have slots, but for those of the pipeline, which are filled on the way."""
    filled = {"Work", "FileReport"}
    needs_gradio = () if find("gradio") else ("udsd.serving.page.",)
    kinds = [
        kind
        for module in pkgutil.walk_packages(udsd.__path__, "udsd.")
        if not module.name.endswith("__main__") and not module.name.startswith(needs_gradio)
        for kind in vars(importlib.import_module(module.name)).values()
        if inspect.isclass(kind) and kind.__module__ == module.name and is_dataclass(kind)
    ]
    assert len(kinds) > 40
    for kind in kinds:
        assert "__slots__" in vars(kind), kind
        assert kind.__dataclass_params__.frozen == (kind.__name__ not in filled), kind  # type: ignore[attr-defined]


def test_everything_public_says_what_it_does() -> None:
    for name in documented_modules():
        module = importlib.import_module(name)
        assert module.__doc__, name
        for public in getattr(module, "__all__", []):
            thing = getattr(module, public)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                assert thing.__doc__, f"{name}.{public}"


def test_the_reference_shows_all_that_is_public() -> None:
    """Modules are shown whole, by what dir() tells of them, but for udsd itself, whose page has an order of its own."""
    for name in documented_modules():
        module = importlib.import_module(name)
        assert set(getattr(module, "__all__", [])) <= set(dir(module)), name
    pages = "".join(page.read_text() for page in REFERENCE.glob("*.md"))
    assert set(PUBLIC) < set(documented_modules()) == set(re.findall(r"^\| \[`(udsd[\w.]*)`\]", pages, re.MULTILINE))
    shown = set(re.findall(r":: udsd\.(\w+)$", (REFERENCE / "udsd.md").read_text(), re.MULTILINE))
    assert shown == set(udsd.__all__) - set(vars(udsd.errors)) - {"__version__"}


def documented_modules() -> list[str]:
    pages = "".join(page.read_text() for page in REFERENCE.glob("*.md"))
    return re.findall(r"^\.\. (?:auto)?module:: (\S+)$", pages, re.MULTILINE)


def test_import_is_light() -> None:
    """Nothing optional, nothing that reaches out, and not OpenCV, which needs libGL."""
    heavy = ["cv2", "torchvision", "huggingface_hub", "skimage", "accelerate", "udsd.training", "udsd.evaluation"]
    check = f"import sys, udsd; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
