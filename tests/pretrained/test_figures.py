"""benchmarks/figures.py: the figures in git are those of one file, and are measured as they say."""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image, ImageFont

from tests.typesetting import WORDS, needs_tesseract, typeset_page
from udsd.degradation import is_held_out
from udsd.errors import ConfigError
from udsd.evaluation import SharpImage, blurred_pairs, psnr
from udsd.evaluation.vgg import VGG19Features
from udsd.models import DeblurModel
from udsd.pretrained import load_manifest, save_model

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PARTS = ("results", "sets", "drawn", "plates", "sources", "peers", "methods", "tables", "cards")
DRAWERS = ("draw_pages", "draw_plates", "make_face", "plate_drawer", "plate_forms", "plate_surroundings")
PEERS = ["blurred", "unsharp mask", "Wiener, true kernel", "Richardson-Lucy, true kernel", "Wiener, estimated kernel"]


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, ModuleType]]:
    """The script and its parts by name; they import each other by name, too."""
    path = list(sys.path)
    sys.path.insert(0, str(BENCHMARKS))
    modules = {part: importlib.import_module(f"figures_{part}") for part in PARTS}
    modules["command"] = importlib.import_module("figures")
    yield modules
    sys.path[:] = path
    for name in ("figures", *DRAWERS, *(f"figures_{part}" for part in PARTS)):
        sys.modules.pop(name, None)


def test_the_files_in_git_are_what_the_writer_makes_of_the_results(figures: dict[str, ModuleType]) -> None:
    """Also that all models have figures of their present weights: without, the writer says which and what to run."""
    texts = figures["cards"].texts(figures["results"].Results())
    assert len(texts) == len(load_manifest(figures["cards"].MANIFEST).models) + 2
    old = [path.name for path, text in texts.items() if path.read_text(encoding="utf-8") != text]
    assert old == [], "run make tables"


@pytest.mark.parametrize("name", ["text", "text-small", "face", "plate"])
def test_weights_without_figures_are_told(figures: dict[str, ModuleType], name: str) -> None:
    entry = replace(load_manifest(figures["cards"].MANIFEST).get(name), sha256="0" * 64)
    with pytest.raises(ConfigError, match=rf"no figures of {name} on the set .*0{{12}}\.\.\.; run make figures"):
        figures["tables"].scores(figures["results"].Results(), entry)
    with pytest.raises(ConfigError, match="no set measures models of kind None"):
        figures["tables"].scores(figures["results"].Results(), replace(entry, kind=None))


@pytest.mark.parametrize("name", ["text-small", "face", "face-small", "plate"])
def test_pictures_of_cards_are_what_the_writer_draws(figures: dict[str, ModuleType], name: str) -> None:
    cards = figures["cards"]
    with Image.open(cards.BUNDLED_MODELS / name / cards.PICTURE) as picture:
        present = np.asarray(picture.convert("RGB"))
    drawn = np.asarray(cards.draw_picture(name))
    assert drawn.shape == present.shape
    assert psnr(drawn, present) > 35, "run python benchmarks/figures.py --tables --pictures"


def test_one_result_is_the_source_of_manifest_card_and_readme(figures: dict[str, ModuleType], tmp_path: Path) -> None:
    content = json.loads(figures["results"].FILE.read_text(encoding="utf-8"))
    content["sets"]["strips"]["results"]["text"]["figures"]["all"]["ssim"] = 0.12345
    (tmp_path / "results.json").write_text(json.dumps(content), encoding="utf-8")
    cards = figures["cards"]
    texts = cards.texts(figures["results"].Results(tmp_path / "results.json"))
    assert {path for path, text in texts.items() if path.read_text(encoding="utf-8") != text} == {
        cards.MANIFEST,
        cards.README,
        cards.BUNDLED_MODELS / "text" / "README.md",
    }
    scores = {entry["alias"]: entry["scores"] for entry in json.loads(texts[cards.MANIFEST])["models"]}
    assert scores["text"]["SSIM"] == 0.123
    card = cards.BUNDLED_MODELS / "text" / "README.md"
    present = card.read_text(encoding="utf-8").count("0.123 |")
    assert texts[card].count("0.123 |") - present == 2  # in the short table and in the long one
    assert "value: 0.123" in texts[card]


@pytest.fixture
def zoo(
    hub: Any, make_model: Callable[..., DeblurModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, int], Path]:
    """Put a model, another one for another seed, on the Hub as the only one of a manifest."""

    def publish(kind: str, seed: int) -> Path:
        folder = tmp_path / f"tiny {seed}"
        save_model(make_model(seed), folder)
        weights = folder / "model.safetensors"
        entry = {
            "alias": "tiny",
            "kind": kind,
            "description": "small pages",
            "repo": "org/tiny",
            "revision": f"v{seed}",
            "sha256": sha256_of(folder),
            "bytes": weights.stat().st_size,
            "licence": "Apache-2.0",
            "base_width": 4,
            "scores": {},
        }
        manifest = tmp_path / "manifest.json"
        manifest.write_text(json.dumps({"format_version": 1, "models": [entry]}), encoding="utf-8")
        monkeypatch.setenv("UDSD_MANIFEST", str(manifest))
        return folder

    return publish


@pytest.fixture
def run(figures: dict[str, ModuleType], tmp_path: Path) -> Callable[..., int]:
    """The command with two images, and results of its own."""

    def main(*words: object) -> int:
        figures["methods"]._deblurrer.cache_clear()
        common = ["--results", tmp_path / "results.json", "--work", tmp_path / "work", "--count", "2"]
        status: int = figures["command"].main([str(word) for word in (*common, *words)])
        return status

    return main


def sha256_of(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def stored(folder: Path, name: str) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))["sets"][name]
    return results


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    for seed in range(2):
        Image.fromarray(typeset_page(20, (260, 170), seed=seed)).convert("RGB").save(folder / f"{seed}.png")
    return folder


@pytest.mark.slow
@needs_tesseract
def test_what_is_missing_is_measured_and_nothing_else(
    run: Callable[..., int],
    zoo: Callable[[str, int], Path],
    hub: Any,
    pages: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    strips = ("--sets", "strips", "--pages", pages)
    first = zoo("page", 0)
    # The Hub has no such model yet: what was measured before is kept, and the same command goes on.
    assert run(*strips) == 2
    assert "org/tiny" in capsys.readouterr().err
    peers = stored(tmp_path, "strips")["results"]
    assert list(peers) == PEERS
    hub.publish("org/tiny", first, "v0")
    assert run(*strips) == 0
    told = capsys.readouterr()
    assert told.err.startswith("strips: tiny\n")
    assert "| all | tiny | 2 |" in told.out
    results = stored(tmp_path, "strips")["results"]
    assert results == peers | {"tiny": results["tiny"]}
    assert results["tiny"]["version"] == sha256_of(first)
    assert {"psnr", "ssim", "character_error_rate"} <= set(results["tiny"]["figures"]["all"])
    assert results["Wiener, true kernel"]["figures"]["all"]["psnr"] > results["blurred"]["figures"]["all"]["psnr"]

    assert run(*strips) == 0
    assert capsys.readouterr().err == ""

    second = zoo("page", 1)
    hub.publish("org/tiny", second, "v1")
    assert run(*strips) == 0
    assert capsys.readouterr().err.startswith("strips: tiny\n")
    again = stored(tmp_path, "strips")["results"]
    assert again == results | {"tiny": again["tiny"]}
    assert again["tiny"]["figures"] != results["tiny"]["figures"]

    assert run(*strips, "--peer", f"mine={first}") == 0
    assert capsys.readouterr().err.startswith("strips: mine\n")
    assert stored(tmp_path, "strips")["results"]["mine"] == results["tiny"]

    Image.fromarray(typeset_page(20, (260, 170), seed=7)).convert("RGB").save(pages / "0.png")
    zoo("page", 0)
    assert run(*strips) == 2
    assert "these are not the images that results.json has figures of" in capsys.readouterr().err


@pytest.mark.slow
def test_faces_are_measured_where_they_are_given(
    run: Callable[..., int],
    zoo: Callable[[str, int], Path],
    hub: Any,
    tmp_path: Path,
    photo: Image.Image,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hub.publish("org/tiny", zoo("face", 0), "v0")
    assert run() == 0
    told = capsys.readouterr().err
    assert told.startswith("faces: not measured (unsharp mask, ")
    assert "give FACES=folder VGG=file" in told
    assert not (tmp_path / "results.json").exists()

    faces = tmp_path / "faces"
    faces.mkdir()
    for number in range(3):
        photo.rotate(90 * number, expand=True).save(faces / f"{number}.png")
    torch.manual_seed(0)
    safetensors.torch.save_file(VGG19Features().state_dict(), tmp_path / "vgg.safetensors")
    assert run("--faces", faces, "--vgg-weights", tmp_path / "vgg.safetensors") == 0
    results = stored(tmp_path, "faces")["results"]
    assert list(results) == [*PEERS, "tiny"]
    assert results["tiny"]["figures"]["all"]["images"] == 2
    assert results["blurred"]["figures"]["all"]["vgg_distance"] == 1
    assert results["tiny"]["figures"]["all"]["vgg_distance"] != 1


@pytest.fixture
def packages(tmp_path: Path, figures: dict[str, ModuleType]) -> Path:
    """What is fetched for drawn pages, with words of ours and the font within Pillow."""
    folder = tmp_path / "work" / "packages"
    for name in figures["drawn"].PACKAGES:
        (folder / name).mkdir(parents=True)
    page = folder / "manpages" / "usr" / "share" / "man" / "man7" / "words.7"
    page.parent.mkdir(parents=True)
    page.write_text("\n".join(WORDS * 30), encoding="utf-8")
    font = ImageFont.load_default(10).path.getvalue()  # type: ignore[union-attr]
    (folder / "fonts-dejavu-core" / "DejaVuSans.ttf").write_bytes(font)
    return folder


def test_drawn_pages_are_functions_of_their_number_and_their_text_is_told(
    figures: dict[str, ModuleType], packages: Path
) -> None:
    drawing = figures["sets"].Drawing(letters=12)
    drawn = list(figures["drawn"].draw(drawing, 2, packages))
    more = list(figures["drawn"].draw(drawing, 3, packages))
    for one, same in zip(drawn, more, strict=False):
        np.testing.assert_array_equal(one.image, same.image)
        assert one.text == same.text
    assert drawn[0].text != drawn[1].text
    assert set(drawn[0].text.split()) <= set(WORDS)
    assert drawn[0].image.shape == (8 * 17 + 12, 30 * 12, 3)
    (dark,) = figures["drawn"].draw(replace(drawing, light_on_dark=True), 1, packages)
    assert dark.image.mean() < 100 < drawn[0].image.mean()
    with pytest.raises(ConfigError, match="no texts or no fonts for chinese pages"):
        next(figures["drawn"].draw(replace(drawing, script="chinese"), 1, packages))


@needs_tesseract
def test_drawn_pages_are_measured_as_they_are_and_brought_to_the_model(
    run: Callable[..., int],
    zoo: Callable[[str, int], Path],
    hub: Any,
    packages: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hub.publish("org/tiny", zoo("page", 0), "v0")
    assert run("--sets", "drawn, letters of 16 px") == 0
    results = stored(tmp_path, "drawn, letters of 16 px")["results"]
    assert set(results) == {"blurred", "sharp", "tiny", "tiny, as it is"}
    rates = {name: result["figures"]["all"]["character_error_rate"] for name, result in results.items()}
    assert rates["sharp"] < 0.1
    row = [f"{rates[name]:.3f}" for name in ("sharp", "blurred", "tiny, as it is", "tiny")]
    assert f"| letters of 16 px | {' | '.join(row)} |" in capsys.readouterr().out


@pytest.fixture
def plate_packages(tmp_path: Path, figures: dict[str, ModuleType]) -> Path:
    """What is fetched for drawn plates, the font within Pillow in place of each script's."""
    folder = tmp_path / "work" / "packages"
    font = ImageFont.load_default(10).path.getvalue()  # type: ignore[union-attr]
    for name in figures["plates"].PACKAGES:
        (folder / name).mkdir(parents=True)
    for number, names in enumerate(figures["plates"].SCRIPTS.values()):
        (folder / figures["plates"].PACKAGES[number] / f"{names[0].rstrip('.')}.ttf").write_bytes(font)
    return folder


def test_drawn_plates_are_functions_of_their_number(figures: dict[str, ModuleType], plate_packages: Path) -> None:
    drawn = list(figures["plates"].draw(2, plate_packages))
    more = list(figures["plates"].draw(3, plate_packages))
    for one, same in zip(drawn, more, strict=False):
        np.testing.assert_array_equal(one.image, same.image)
    assert not np.array_equal(more[1].image[:128, :160], more[2].image[:128, :160])
    (font,) = plate_packages.rglob("Lohit-Devanagari.ttf")
    font.unlink()
    with pytest.raises(ConfigError, match="has no fonts for devanagari plates; remove it"):
        next(figures["plates"].draw(1, plate_packages))


def test_plates_are_measured_beside_the_classics(
    run: Callable[..., int],
    zoo: Callable[[str, int], Path],
    hub: Any,
    plate_packages: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hub.publish("org/tiny", zoo("plate", 0), "v0")
    assert plate_packages.is_dir()
    assert run("--sets", "plates") == 0
    results = stored(tmp_path, "plates")["results"]
    assert list(results) == [*PEERS, "tiny"]
    assert results["tiny"]["figures"]["all"]["images"] == 2
    assert "| all | tiny | 2 |" in capsys.readouterr().out


def test_without_apt_get_it_says_what_to_do(
    figures: dict[str, ModuleType], packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sources = figures["sources"]
    assert sources.fetch(figures["drawn"].PACKAGES, packages) == packages  # all are there
    shutil.rmtree(packages / "manpages")
    with pytest.raises(
        sources.MissingSourceError, match=r"packages of Debian \(manpages\), and apt-get .* PAGES=folder"
    ):
        sources.fetch(figures["drawn"].PACKAGES, packages)


def test_pages_are_made_of_held_out_documents_alone(
    figures: dict[str, ModuleType], make_pdf: Callable[..., Path], tmp_path: Path
) -> None:
    sources, work = figures["sources"], tmp_path / "work"
    names = [f"document-{number}" for number in range(40)]
    for package in sources.DOCUMENTS:
        for name in names:
            make_pdf(work / "packages" / package / "doc" / name / f"{name}.pdf", ["0 0 72 72 re f"])
    held_out = {name for name in names if is_held_out(Path(name, "x.pdf"))}
    assert 0 < len(held_out) < len(names)
    pages = sources.make_pages(work)
    assert {name for name in names for page in pages.rglob("*.png") if f"{name}-" in page.name} == held_out
    (only, *others) = pages.rglob("*.png")
    for other in others:
        other.unlink()
    assert list(sources.make_pages(work).rglob("*.png")) == [only]  # what is there is not made again


def test_classics_with_the_true_kernel_come_nearer_to_the_sharp_image(
    figures: dict[str, ModuleType], photo: Image.Image
) -> None:
    peers = figures["peers"]
    sharp = np.asarray(photo.resize((120, 100), Image.Resampling.BICUBIC))
    blur = replace(figures["sets"].STRIPS.blur, path_length=(20.0, 20.0), noise=(1.0, 1.0))
    (pair,) = blurred_pairs([SharpImage("photo", sharp)], blur, bins=1)
    before = psnr(pair.blurred, sharp)
    assert psnr(peers.wiener(pair.kernel, pair.blurred, balance=0.01), sharp) > before + 1
    assert psnr(peers.richardson_lucy(pair.kernel, pair.blurred, steps=60), sharp) > before + 1
    with pytest.raises(ConfigError, match="the kernel of these images is not known"):
        peers.wiener(None, pair.blurred, balance=0.01)


def test_a_network_that_spandrel_does_not_know_is_refused(figures: dict[str, ModuleType], tmp_path: Path) -> None:
    pytest.importorskip("spandrel")
    safetensors.torch.save_file({"weight": torch.zeros(1)}, tmp_path / "network.safetensors")
    with pytest.raises(ConfigError, match=r"spandrel cannot load .*network\.safetensors"):
        figures["peers"].spandrel_network(tmp_path / "network.safetensors")


def test_wrong_files_and_trials_on_the_results_in_git_are_refused(
    figures: dict[str, ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        figures["command"].main(["--count", "2"])
    assert "name another file of results with --results" in capsys.readouterr().err
    (tmp_path / "broken.json").write_text("[]")
    assert figures["command"].main(["--results", str(tmp_path / "broken.json"), "--tables"]) == 2
    assert "is no file of figures" in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere\.pth"):
        figures["methods"].contenders(figures["sets"].STRIPS, [("x", tmp_path / "nowhere.pth")])


def test_a_set_with_other_options_is_measured_anew(figures: dict[str, ModuleType], tmp_path: Path) -> None:
    strips = figures["sets"].STRIPS
    still = replace(strips.blur, path_length=(0.0, 0.0))
    results = figures["results"].Results(tmp_path / "results.json")
    results.add(strips, "text", "1", {"all": {"psnr": 20.0}})
    assert figures["results"].Results(tmp_path / "results.json").figures(strips, "text", "1") == {"all": {"psnr": 20.0}}
    assert results.figures(strips, "text", "2") is None
    for changed in (replace(strips, count=5), replace(strips, other_paper=True), replace(strips, blur=still)):
        assert results.figures(changed, "text", "1") is None


def test_experiments_are_kept_on_the_same_images_alone(figures: dict[str, ModuleType], tmp_path: Path) -> None:
    strips, path = figures["sets"].STRIPS, tmp_path / "results.json"
    results = figures["results"].Results(path)
    ours, others = ([SharpImage("a", np.full((4, 4, 3), level, np.uint8))] for level in (1, 2))
    results.check_images(strips, ours)
    for method in ("text", strips.experiments[0]):
        results.add(strips, method, "", {"all": {"psnr": 20.0}})
    with pytest.raises(ConfigError, match=r"strips: these are not the images that results\.json has figures of"):
        results.check_images(strips, others)
    results.forget(strips, ours)
    assert figures["results"].Results(path).methods(strips) == (strips.experiments[0],)
    results.forget(strips, others)
    assert figures["results"].Results(path).methods(strips) == ()
    results.check_images(strips, others)
