from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pluggy
import pytest
from PIL import Image

from udsd import ocrmypdf_plugin as plugin
from udsd.models import DeblurModel


@pytest.fixture(autouse=True)
def _forget_models() -> None:
    plugin._deblurrer.cache_clear()


spec = pluggy.HookspecMarker("ocrmypdf")


class Specification:
    """What OCRmyPDF asks of plug-ins."""

    @spec
    def add_options(self, parser: argparse.ArgumentParser) -> None: ...

    @spec
    def check_options(self, options: Any) -> None: ...

    @spec(firstresult=True)
    def filter_ocr_image(self, page: Any, image: Image.Image) -> Image.Image: ...  # type: ignore[empty-body]

    @spec(firstresult=True)
    def filter_page_image(self, page: Any, image_filename: Path) -> Path: ...  # type: ignore[empty-body]


class Engine:
    """Makes images half as large, as OCRmyPDF's own engine does of huge ones."""

    halves = False

    @plugin.hookimpl
    def filter_ocr_image(self, page: Any, image: Image.Image) -> Image.Image:
        if not self.halves:
            return image
        half = image.resize((image.width // 2, image.height // 2))
        half.info["dpi"] = (75, 75)
        return half


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def hooks(engine: Engine) -> Any:
    manager = pluggy.PluginManager("ocrmypdf")
    manager.add_hookspecs(Specification)
    manager.register(engine)
    manager.register(plugin)
    manager.check_pending()
    return manager.hook


def page_for(*arguments: str) -> Any:
    parser = argparse.ArgumentParser()
    plugin.add_options(parser)
    return SimpleNamespace(options=parser.parse_args(arguments), pageno=4)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
def test_what_the_engine_reads_is_restored_in_its_size(mode: str, hooks: Any, model_folder: Path, photo: Any) -> None:
    image = photo.convert(mode)
    image.info["dpi"] = (150.5, 151.0)
    restored = hooks.filter_ocr_image(page=page_for("--udsd-model", str(model_folder)), image=image)
    assert restored.size == image.size
    assert restored.info["dpi"] == (150.5, 151.0)
    assert np.any(np.asarray(restored.convert("RGB")) != np.asarray(image.convert("RGB")))


def test_the_filter_of_the_engine_comes_first(hooks: Any, engine: Engine, model_folder: Path, photo: Any) -> None:
    engine.halves = True
    restored = hooks.filter_ocr_image(page=page_for("--udsd-model", str(model_folder)), image=photo)
    assert restored.size == (photo.width // 2, photo.height // 2)
    assert restored.info["dpi"] == (75, 75)


def test_a_model_is_loaded_once(hooks: Any, model_folder: Path, photo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Any] = []
    original = DeblurModel.load_state_dict

    def counting(self: DeblurModel, *arguments: Any, **keywords: Any) -> Any:
        loaded.append(self)
        return original(self, *arguments, **keywords)

    monkeypatch.setattr(DeblurModel, "load_state_dict", counting)
    for _ in range(3):
        hooks.filter_ocr_image(page=page_for("--udsd-model", str(model_folder)), image=photo)
    assert len(loaded) == 1


@pytest.mark.parametrize(("suffix", "mode"), [(".png", "L"), (".png", "1"), (".png", "RGB"), (".jpg", "RGB")])
def test_pages_look_restored_where_that_is_wanted(
    suffix: str, mode: str, hooks: Any, model_folder: Path, photo: Any, tmp_path: Path
) -> None:
    path = tmp_path / f"page{suffix}"
    photo.convert(mode).save(path, dpi=(144, 144))
    unchanged = hooks.filter_page_image(page=page_for("--udsd-model", str(model_folder)), image_filename=path)
    assert unchanged == path
    page = page_for("--udsd-model", str(model_folder), "--udsd-pages")
    target = hooks.filter_page_image(page=page, image_filename=path)
    assert target.parent == path.parent
    assert target != path
    with Image.open(path) as before, Image.open(target) as after:
        assert (after.size, after.mode, after.format) == (before.size, before.mode, before.format)
        assert after.info["dpi"] == pytest.approx((144, 144), abs=0.1)
        if mode != "1":
            assert np.any(np.asarray(after) != np.asarray(before))


def test_an_image_that_cannot_be_restored_stays_and_is_told(
    hooks: Any, model_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    image = Image.new("F", (20, 20))
    page = page_for("--udsd-model", str(model_folder), "--udsd-pages")
    assert hooks.filter_ocr_image(page=page, image=image) is image
    assert "page 5 is not restored" in caplog.text


def test_options_of_a_program_that_knows_none_of_ours_are_the_defaults() -> None:
    assert plugin._option(SimpleNamespace(), "model", "text") == "text"
    assert plugin._option(SimpleNamespace(udsd_model=None), "model", "text") == "text"
    assert plugin._option(SimpleNamespace(udsd_pages=True), "pages", False) is True


def test_ocrmypdf_is_not_imported_to_load_the_plug_in() -> None:
    code = "import sys, udsd.ocrmypdf_plugin; print([name for name in ('ocrmypdf', 'torch') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_with_ocrmypdf_itself(model_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("ocrmypdf")
    page = Image.new("L", (400, 200), 255)
    page.save(tmp_path / "page.png", dpi=(100, 100))
    command = [sys.executable, "-m", "ocrmypdf", "--plugin", "udsd.ocrmypdf_plugin", "--udsd-model", model_folder]
    arguments = ["--output-type", "pdf", "--image-dpi", "100", tmp_path / "page.png", tmp_path / "read.pdf"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "read.pdf").read_bytes().startswith(b"%PDF-")
