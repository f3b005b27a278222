"""examples/train_print_gauge.py, which trains the gauge of print again, and the samples that it draws."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import ImageFont, features
from safetensors.torch import load_file, save_file

from tests.typesetting import WORDS
from udsd.degradation import rasterize
from udsd.degradation.kernels import defocus_discs, gaussian_kernels
from udsd.domains.pages.gauge import WEIGHTS, PrintGauge
from udsd.errors import IncompatibleWeightsError

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = ("draw_pages", "print_gauge_subjects", "print_gauge_samples", "train_print_gauge")
BUNDLED = files("udsd.domains.pages") / WEIGHTS

pytestmark = pytest.mark.skipif(not features.check("freetype2"), reason="this Pillow has no FreeType, so no fonts")


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    """The scripts by name; they find each other because they lie in one folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        yield {name: importlib.import_module(name) for name in NAMES}


@pytest.fixture(scope="module")
def subjects(modules: dict[str, ModuleType]) -> ModuleType:
    return modules["print_gauge_subjects"]


@pytest.fixture(scope="module")
def samples(modules: dict[str, ModuleType]) -> ModuleType:
    return modules["print_gauge_samples"]


@pytest.fixture(scope="module")
def train(modules: dict[str, ModuleType]) -> ModuleType:
    return modules["train_print_gauge"]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manual page, where `draw_pages` looks for German ones."""
    folder = tmp_path_factory.mktemp("texts")
    page = folder / "man" / "de" / "man1" / "words.1"
    page.parent.mkdir(parents=True)
    words = np.random.default_rng(0).choice(WORDS, 3000)
    page.write_text("\n".join(" ".join(line) for line in words.reshape(-1, 10)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def fonts(modules: dict[str, ModuleType], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The font within Pillow, as the only one installed: it is there on every machine."""
    folder = tmp_path_factory.mktemp("fonts")
    (folder / "Lato-Like.ttf").write_bytes(ImageFont.load_default(10).path.getvalue())  # type: ignore[union-attr]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modules["draw_pages"], "FONTS", folder)
        yield


@pytest.fixture(scope="module")
def photographs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for number in range(2):
        coarse = np.random.default_rng(number).integers(0, 256, (12, 15), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(coarse, (560, 450), interpolation=cv2.INTER_CUBIC))
    cv2.imwrite(str(folder / "small.png"), coarse)
    return folder


@pytest.fixture(scope="module")
def photographs(subjects: ModuleType, samples: ModuleType, photographs_folder: Path) -> Any:
    return subjects.Photographs(sorted(photographs_folder.iterdir()), samples.SUBJECT_SIDE)


@pytest.fixture(scope="module")
def sources(subjects: ModuleType, texts: Path, fonts: None) -> Any:
    found = subjects.read_sources(texts)
    assert list(found) == ["latin"]
    return found


@pytest.fixture(scope="module")
def drawer(samples: ModuleType, sources: Any, photographs: Any) -> Any:
    return samples.SampleDrawer(sources, photographs, samples.KernelDrawer(np.random.default_rng(0), motions=120))


@pytest.fixture(scope="module")
def drawn(drawer: Any) -> list[Any]:
    random = np.random.default_rng(1)
    return [drawer.draw(random) for _ in range(80)]


@pytest.fixture(scope="module")
def pages(subjects: ModuleType, sources: Any, photographs: Any) -> list[Any]:
    printer, random = subjects.Printer(sources, photographs), np.random.default_rng(2)
    drawn = [printer.draw(random) for _ in range(40)]
    return [page for page in drawn if (page.letters > 0).any()]


def ink_of(page: Any) -> Any:
    """Where a sharp page is darker than halfway from its ground to its darkest."""
    return page.grey < (np.median(page.grey[page.letters == 0]) + page.grey.min()) / 2


def test_ink_lies_where_print_is_said_to_be(pages: list[Any], samples: ModuleType) -> None:
    ink = np.stack([ink_of(page) for page in pages])
    letters = np.stack([page.letters for page in pages])
    assert (ink & (letters > 0)).sum() > 0.97 * ink.sum()  # the rest are rules
    cells = [
        (samples.label(page.grey, page.letters, dark, np.eye(2)).print, dark.reshape(26, 16, 26, 16).any((1, 3)))
        for page, dark in zip(pages, ink, strict=True)
    ]
    is_print, has_ink = (np.stack(flags) for flags in zip(*cells, strict=True))
    assert has_ink[is_print == 1].mean() > 0.8  # the rest are gaps between words and lines
    assert has_ink[is_print == 0].mean() < 0.05


def test_letters_have_the_size_that_is_said(pages: list[Any]) -> None:
    heights = []
    for page in pages:
        ink = ink_of(page)
        _, lines, boxes, _ = cv2.connectedComponentsWithStats((page.letters > 0).astype(np.uint8))
        for line, (_, top, width, height, _) in enumerate(boxes[1:], start=1):
            here = lines == line
            size = page.letters[here].max()
            is_whole = top > 0 and top + height < len(page.grey)
            if is_whole and size >= 20 and size == page.letters[here].min() and width > 6 * size:
                heights.append((np.ptp(np.flatnonzero((ink & here).any(1))) + 1) / size)
    assert len(heights) > 20
    assert 0.8 < np.median(heights) < 1.05  # from ascenders to descenders is a little less than one em


def test_labels_turn_with_the_picture(subjects: ModuleType, samples: ModuleType) -> None:
    print_here = np.zeros((200, 200), np.bool_)
    print_here[40:60, 120:170] = True
    subject = subjects.Subject(*(np.where(print_here, *levels).astype(np.float32) for levels in ((0, 255), (20, 0))))
    angle = np.deg2rad(20)
    matrix = 1.2 * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = samples.turned(subject, matrix)
    labelled = turned.letters > 0
    assert ((turned.grey < 128) == labelled).mean() > 0.998
    assert np.unique(turned.letters) == pytest.approx([0, 24])
    middle = np.flip(np.argwhere(labelled).mean(axis=0))
    assert middle == pytest.approx(matrix @ (np.array([144.5, 49.5]) - 99.5) + 99.5, abs=0.5)


def test_spread_of_known_kernels(samples: ModuleType) -> None:
    gaussian = samples.covariance(gaussian_kernels(torch.tensor([3.0]), 31)[0].numpy())
    np.testing.assert_allclose(gaussian, 9 * np.eye(2), rtol=0.01, atol=1e-4)
    disc = samples.covariance(defocus_discs(torch.tensor([10.0]), 25)[0].numpy())
    np.testing.assert_allclose(disc, 25 * np.eye(2), rtol=0.02, atol=1e-4)
    path = np.linspace(-20, 20, 2000)[:, None] * np.exp(1j * np.pi / 4)
    motion = samples.covariance(rasterize(path, 45)[0])
    np.testing.assert_allclose(motion, np.full((2, 2), 40**2 / 12 / 2), rtol=0.01)


def test_blur_said_is_the_blur_of_the_picture(subjects: ModuleType, samples: ModuleType) -> None:
    """A dot becomes its kernel, turned."""
    kernels, random = samples.KernelDrawer(np.random.default_rng(3), motions=120), np.random.default_rng(4)
    dot = np.zeros((301, 301), np.float32)
    dot[150, 150] = 255
    checked = 0
    for _ in range(40):
        kernel, matrix = kernels.draw(random, 30), samples.random_matrix(random)
        expected = matrix @ samples.covariance(kernel) @ matrix.T
        assert kernel.sum() == pytest.approx(1, abs=1e-4)
        # Interpolation adds a blur of its own, which is not counted and does not matter on top of large ones.
        if np.linalg.eigvalsh(expected)[0] > 9 and np.linalg.det(matrix) > 0.8**2:
            seen = samples.turned(samples.blurred(subjects.Subject(dot, dot), kernel), matrix).grey.clip(min=0)
            np.testing.assert_allclose(samples.covariance(seen), expected, atol=0.05 * np.trace(expected))
            checked += 1
    assert checked >= 5


def test_cells_sum_up_their_pixels(samples: ModuleType) -> None:
    letters, is_light = np.zeros((32, 48), np.float32), np.zeros((32, 48), np.bool_)
    letters[:10, :16] = 12  # most of a cell
    letters[:16, 16:20] = 30  # a quarter of one
    letters[0, 32:34] = 30  # next to nothing
    letters[16:, :8], letters[16:, 8:16] = 10, 20
    is_light[8:] = True
    sample = samples.label(np.zeros((32, 48), np.uint8), letters, is_light, np.array([[4.0, 0], [0, 25]]))
    assert sample.print.tolist() == [[1, samples.UNCLEAR, 0], [1, 0, 0]]
    assert sample.letters[:, 0] == pytest.approx([12, 15])
    assert sample.is_light.tolist() == [3 * [samples.UNCLEAR], 3 * [1]]
    assert sample.blur == pytest.approx([5, 2])


def test_samples_are_functions_of_the_seed(drawer: Any, drawn: list[Any]) -> None:
    random = np.random.default_rng(1)
    for sample in drawn[:5]:
        again = drawer.draw(random)
        assert (sample.grey.shape, sample.grey.dtype) == ((256, 256), np.uint8)
        for name in ("grey", "print", "letters", "is_light", "blur"):
            np.testing.assert_array_equal(getattr(again, name), getattr(sample, name))


def test_letters_that_are_said_to_be_light_are_lighter_than_their_ground(drawn: list[Any]) -> None:
    said, seen = [], []
    for sample in drawn:
        cells = sample.grey.reshape(16, 16, 16, 16).swapaxes(1, 2)
        for is_light in (0, 1):
            here = (sample.print == 1) & (sample.is_light == is_light)
            if here.sum() >= 20 and sample.blur[0] < 0.2 * sample.letters[here].mean():
                said.append(is_light)
                seen.append(cells[here].mean() > np.median(cells[here]))  # letters cover less than their ground
    assert min(said.count(0), said.count(1)) >= 3
    assert np.mean(np.equal(said, seen)) > 0.85


def test_learning_from_one_batch_lowers_every_loss(train: ModuleType, drawn: list[Any]) -> None:
    printed = [sample for sample in drawn if (sample.print == 1).any()][:3]
    blank = next(sample for sample in drawn if not sample.letters.any())
    torch.manual_seed(0)
    gauge = PrintGauge()
    optimizer, batch = train.make_optimizer(gauge), train.collate([*printed, blank])
    steps = [train.take_step(gauge, optimizer, batch, train.LEARNING_RATE) for _ in range(8)]
    assert steps[-1].keys() == train.LOSS_WEIGHTS.keys()
    for name, loss in steps[-1].items():
        assert loss < 0.8 * steps[0][name], name


def test_where_there_is_no_print_only_print_is_judged(train: ModuleType, drawn: list[Any]) -> None:
    blank = next(sample for sample in drawn if not sample.letters.any())
    losses = train.losses_of(PrintGauge(), train.collate([blank, blank]))
    assert losses.pop("print") > 0
    assert [loss.item() for loss in losses.values()] == 4 * [0]


def test_rate_rises_stays_and_falls(train: ModuleType) -> None:
    rates = [train.rate_at(*when) / train.LEARNING_RATE for when in ((49, 0), (99, 0.1), (500, 0.29), (900, 0.65))]
    assert rates == pytest.approx([0.5, 1, 1, 0.5])
    assert train.rate_at(2000, 1) / train.LEARNING_RATE == pytest.approx(0.01)


def test_bundled_gauge_reads_the_samples(train: ModuleType, drawer: Any) -> None:
    with as_file(BUNDLED) as path:
        figures = train.measure(train.load_gauge(path), drawer, 15, np.random.default_rng(5))
    assert figures["print"] > 0.85
    assert figures["light"] > 0.9
    assert figures["letters"] < 0.2


def test_a_run_writes_weights_from_which_the_next_one_starts(
    train: ModuleType,
    texts: Path,
    fonts: None,
    photographs_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, smaller in (("MOTIONS", 20), ("FIRST_SAMPLES", 2), ("BATCH_SIZE", 2)):
        monkeypatch.setattr(train, name, smaller)
    first, second, third = (tmp_path / f"{number}.safetensors" for number in range(3))
    command = [str(texts), "--photographs", str(photographs_folder), "--held-out", "4", "--seed", "3"]
    train.main([*command, "-o", str(first), "--minutes", "0.005"])
    assert capsys.readouterr().out.startswith("4 new samples: print 0.")
    with as_file(BUNDLED) as path:
        bundled, written = load_file(path), load_file(first)
    assert {name: (tensor.dtype, tensor.shape) for name, tensor in written.items()} == {
        name: (tensor.dtype, tensor.shape) for name, tensor in bundled.items()
    }
    train.main([*command, "-o", str(second), "--minutes", "0", "--start-from", str(first)])
    assert second.read_bytes() == first.read_bytes()
    train.main([*command, "-o", str(third), "--minutes", "0.005", "--start-from", str(first)])
    changes = [(tensor - written[name]).abs().max() for name, tensor in load_file(third).items()]
    assert 0 < max(changes) < 1


def test_what_is_no_gauge_is_refused(train: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(IncompatibleWeightsError, match=r"none\.safetensors"):
        train.load_gauge(tmp_path / "none.safetensors")
    other = tmp_path / "other.safetensors"
    save_file({"head.bias": torch.zeros(56)}, other)
    with pytest.raises(IncompatibleWeightsError, match=r"holds no gauge of print.*head\.weight"):
        train.load_gauge(other)


def test_missing_material_is_named(
    train: ModuleType, photographs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for photographs, error in (
        (tmp_path / "empty", "no photographs of 416 x 416 px"),
        (photographs_folder, "no script"),
    ):
        with pytest.raises(SystemExit):
            train.main([str(tmp_path), "--photographs", str(photographs), "-o", str(tmp_path / "gauge.safetensors")])
        assert error in capsys.readouterr().err
