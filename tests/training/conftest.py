"""Fixtures of the training room: a folder of small pages, and settings that train on it in a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from udsd.training.config import TrainingConfig

MakeConfig = Callable[..., TrainingConfig]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
def make_config(pages: Path) -> MakeConfig:
    """Build a tiny run: two warm steps and one unpaired step of each kind, unless sections say otherwise."""

    def make(**sections: Mapping[str, Any]) -> TrainingConfig:
        tiny: dict[str, dict[str, Any]] = {
            "model": {"base_width": 4, "residual_blocks": 1},
            "data": {"sharp": [str(pages)], "crop_size": 32, "batch_size": 2},
            "blur": {"path_length": [2.0, 6.0]},
            "warm_start": {"steps": 2, "ramp_steps": 1},
            "branches": {"discriminator_width": 4},
            "loss": {"perceptual": 0.0},
            "unpaired": {"steps": 1, "decay_steps": 1},
            "run": {"precision": "float32", "checkpoint_every": 100, "sample_every": 100, "log_every": 1},
        }
        names = tiny.keys() | sections.keys()
        return TrainingConfig.from_dict({name: {**tiny.get(name, {}), **sections.get(name, {})} for name in names})

    return make


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
        for page, (number, drawing) in enumerate(zip(numbers, pages, strict=True), start=1):
            if page != missing_page:
                objects[number] = f"<< /Type /Page /Parent 2 0 R /Contents {number + 1} 0 R >>"
            objects[number + 1] = f"<< /Length {len(drawing)} >>\nstream\n{drawing}\nendstream"
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
