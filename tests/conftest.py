"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.degradation.test_blur_set import blurs_of
from tests.drawings import ANGLE, LENGTH, Domain, drawing, through_blur
from udsd.estimation import BlurEstimator, Round, learn_blur
from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained import save_model


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    torch.manual_seed(0)


@pytest.fixture
def model() -> DeblurModel:
    """Small networks with random weights whose output differs from their input."""
    return DeblurModel(ModelConfig(base_width=4, residual_blocks=1)).eval()


@pytest.fixture
def model_folder(model: DeblurModel, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    save_model(model, folder)
    return folder


@pytest.fixture
def photo() -> Image.Image:
    """A colour image with structure, 45 x 37."""
    y, x = np.mgrid[:37, :45]
    channels = [127 + 120 * np.sin(x / 5), 127 + 120 * np.cos(y / 4), (x * y) % 256]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images of dark bars on light paper, 70 x 60."""
    folder = tmp_path_factory.mktemp("pages")
    for number in range(6):
        random = np.random.default_rng(number)
        page = np.full((60, 70, 3), 240, np.uint8)
        for top in range(2, 56, 7):
            ink = np.repeat(random.random(35) < 0.6, 2)
            page[top : top + 4, ink] = 30
        Image.fromarray(page).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def make_pdf() -> Callable[..., Path]:
    """Write a PDF of pages of one by two inches, each given as drawing operators (``0 0 72 72 re f``: a square).

    Of ``missing_page``, counted from 1, the file knows the number but not the object.
    """

    def make(path: Path, pages: list[str], missing_page: int | None = None) -> Path:
        objects = {1: "<< /Type /Catalog /Pages 2 0 R >>"}
        numbers = range(3, 3 + 2 * len(pages), 2)
        kids = " ".join(f"{number} 0 R" for number in numbers)
        objects[2] = f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] /MediaBox [0 0 72 144] >>"
        for page, (number, operators) in enumerate(zip(numbers, pages, strict=True), start=1):
            if page != missing_page:
                objects[number] = f"<< /Type /Page /Parent 2 0 R /Contents {number + 1} 0 R >>"
            objects[number + 1] = f"<< /Length {len(operators)} >>\nstream\n{operators}\nendstream"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_pdf_text(objects), encoding="ascii", newline="")
        return path

    return make


def _pdf_text(objects: Mapping[int, str]) -> str:
    text, table = "%PDF-1.4\n", ""
    for number in range(1, max(objects) + 1):
        if number in objects:
            table += f"{len(text):010d} 00000 n \n"
            text += f"{number} 0 obj\n{objects[number]}\nendobj\n"
        else:
            table += "0000000000 65535 f \n"
    size = max(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(text)}\n%%EOF\n"
    return f"{text}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}"


@pytest.fixture(scope="session")
def domain() -> Domain:
    random = np.random.default_rng(3)
    blur = blurs_of([LENGTH * np.exp(1j * np.radians(ANGLE))], noise=3)
    sharp = [drawing(random) for _ in range(40)]
    return Domain(sharp, [through_blur(drawing(random), blur, random) for _ in range(20)], blur)


@pytest.fixture(scope="session")
def small_rounds() -> tuple[Round, ...]:
    return Round(600, 25, 4, 1.0), Round(400, 20, 8, 0.7)


@pytest.fixture(scope="session")
def learnt(domain: Domain, small_rounds: tuple[Round, ...]) -> BlurEstimator:
    return learn_blur(domain.sharp, domain.blurred, seed=1, rounds=small_rounds)
