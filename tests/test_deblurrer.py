from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from tests.pictures import pages_of_tiff
from udsd import ConfigError, Deblurrer, ImageError, MemoryLimitError
from udsd import deblurrer as deblurrer_module
from udsd.models import DeblurModel, ModelConfig


@pytest.fixture
def deblurrer(model: DeblurModel) -> Deblurrer:
    return Deblurrer(model, device="cpu", dtype="float32")


@pytest.fixture
def identity() -> Deblurrer:
    """Residual networks that have learnt nothing yet: they return their input."""
    return Deblurrer(DeblurModel(ModelConfig(base_width=4, residual_output=True)), device="cpu")


def test_the_same_kind_comes_back(deblurrer: Deblurrer, photo: Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "photo.png")
    pixels = np.asarray(photo)
    from_path = deblurrer.deblur(tmp_path / "photo.png")
    from_array = deblurrer.deblur(pixels)
    from_tensor = deblurrer.deblur(torch.from_numpy(pixels.copy()).permute(2, 0, 1))
    assert isinstance(from_path, Image.Image)
    assert from_path.size == photo.size
    assert np.array_equal(np.asarray(from_path), np.asarray(deblurrer.deblur(photo)))
    assert np.array_equal(np.asarray(from_path), from_array)
    assert np.array_equal(from_tensor.permute(1, 2, 0).numpy(), from_array)
    assert not np.array_equal(from_array, pixels)


def test_calling_it_is_deblurring(deblurrer: Deblurrer, photo: Image.Image) -> None:
    assert np.array_equal(np.asarray(deblurrer(photo)), np.asarray(deblurrer.deblur(photo)))
    told: list[float] = []
    assert np.array_equal(np.asarray(deblurrer(photo, strength=0, on_progress=told.append)), np.asarray(photo))
    assert told[-1] == 1
    with pytest.raises(ConfigError, match="strength"):
        deblurrer(photo, strength=2)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "I;16"])
def test_untrained_residual_networks_return_every_mode_unchanged(
    identity: Deblurrer, photo: Image.Image, mode: str
) -> None:
    image = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257) if mode == "I;16" else photo
    image = image.convert(mode)
    restored = identity.deblur(image)
    assert restored.mode == image.mode
    assert np.array_equal(np.asarray(restored), np.asarray(image))


def test_rotated_images_come_out_upright(identity: Deblurrer, photo: Image.Image, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(tmp_path / "rotated.png", exif=exif)
    restored = identity.deblur(tmp_path / "rotated.png")
    assert restored.size == (photo.height, photo.width)
    assert np.array_equal(np.asarray(restored), np.asarray(photo.transpose(Image.Transpose.ROTATE_270)))
    assert restored.getexif().get(0x0112, 1) == 1


def test_batch_of_mixed_images_equals_single_runs_in_order(deblurrer: Deblurrer, photo: Image.Image) -> None:
    small = photo.crop((0, 0, 20, 20))
    images = [photo, photo.rotate(180), small, np.asarray(small), photo]
    for restored, image in zip(deblurrer.deblur_batch(images, batch_size=2), images, strict=True):
        expected = deblurrer.deblur(image)
        assert type(restored) is type(expected)
        assert np.abs(np.asarray(restored).astype(int) - np.asarray(expected).astype(int)).max() <= 1


def test_batch_is_lazy(deblurrer: Deblurrer, photo: Image.Image) -> None:
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield photo

    results = deblurrer.deblur_batch(endless(), batch_size=2)
    assert not taken
    next(results)
    assert len(taken) <= 3


def test_batch_hands_out_what_came_before_a_bad_image(deblurrer: Deblurrer, photo: Image.Image) -> None:
    results = deblurrer.deblur_batch([photo, "missing.png"], batch_size=4)
    assert isinstance(next(results), Image.Image)
    with pytest.raises(ImageError, match=r"missing\.png"):
        next(results)


@pytest.mark.parametrize("together", [1, 3])
def test_batch_hands_out_failures_in_their_place(
    deblurrer: Deblurrer, photo: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    monkeypatch.setattr(deblurrer_module, "images_together", lambda device, batch_size: together)
    images = ["missing.png", photo, np.zeros((1, 1), np.uint8), photo, tmp_path / "bad.png", tmp_path / "bad.png"]
    results = list(deblurrer.deblur_batch(images, on_error="return"))
    assert [type(result) for result in results] == [
        ImageError,
        Image.Image,
        ImageError,
        Image.Image,
        ImageError,
        ImageError,
    ]
    assert "missing.png" in str(results[0])
    assert np.array_equal(np.asarray(results[1]), np.asarray(deblurrer.deblur(photo)))
    with pytest.raises(ConfigError, match="on_error is 'ignore'; give 'raise' or 'return'"):
        deblurrer.deblur_batch(images, on_error="ignore")  # type: ignore[call-overload]


@pytest.mark.parametrize("together", [1, 3])
def test_batch_hands_out_a_failure_as_soon_as_its_turn_comes(
    deblurrer: Deblurrer, photo: Image.Image, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(deblurrer_module, "images_together", lambda device, batch_size: together)
    taken: list[int] = []

    def endless() -> Iterator[Any]:
        for number in itertools.count():
            taken.append(number)
            yield photo if number == 2 else "missing.png"

    results = deblurrer.deblur_batch(endless(), on_error="return")
    assert [type(next(results)) for _ in range(2)] == [ImageError, ImageError]
    assert taken == [0, 1]
    assert [type(next(results)) for _ in range(2)] == [Image.Image, ImageError]
    assert len(taken) <= 2 + 4 * together + 1  # where images run together, it waited for others of its size


def test_errors_that_were_met_are_handed_out_before_the_images_end_in_another(
    deblurrer: Deblurrer, photo: Image.Image
) -> None:
    def images() -> Iterator[Any]:
        yield photo
        yield "missing.png"
        raise RuntimeError("the camera is gone")

    results = deblurrer.deblur_batch(images(), on_error="return")
    assert isinstance(next(results), Image.Image)
    assert isinstance(next(results), ImageError)
    with pytest.raises(RuntimeError, match="the camera is gone"):
        next(results)


def test_an_image_that_fails_takes_none_of_its_batch_with_it(
    deblurrer: Deblurrer, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deblurrer_module, "images_together", lambda device, batch_size: 3)
    restore = deblurrer.restore_decoded

    def failing(decoded: Any, options: Any, on_progress: Any) -> Any:
        if len(decoded) > 1 or bool((decoded[0].pixels == -1).all()):
            raise MemoryLimitError("too large")
        return restore(decoded, options, on_progress)

    monkeypatch.setattr(deblurrer, "restore_decoded", failing)
    images = [photo, Image.new("RGB", photo.size), photo]
    first, black, last = deblurrer.deblur_batch(images, on_error="return")
    assert isinstance(black, MemoryLimitError)
    assert np.array_equal(np.asarray(first), np.asarray(last))
    results = deblurrer.deblur_batch(images)
    assert np.array_equal(np.asarray(next(results)), np.asarray(first))
    with pytest.raises(MemoryLimitError, match="too large"):
        next(results)


def test_a_progress_bar_without_standard_error(
    deblurrer: Deblurrer, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", None)
    assert len(list(deblurrer.deblur_batch([photo], progress=True))) == 1


def test_batch_of_nothing_is_nothing(deblurrer: Deblurrer) -> None:
    assert list(deblurrer.deblur_batch([])) == []
    with pytest.raises(ConfigError, match="batch_size"):
        deblurrer.deblur_batch([], batch_size=0)


def test_samples_differ_and_repeat_with_their_seed(deblurrer: Deblurrer, photo: Image.Image) -> None:
    pixels = np.asarray(photo).astype(np.float32) / 255
    first, second = deblurrer.sample(pixels, n=2, seed=1)
    assert not np.array_equal(first, second)
    torch.manual_seed(77)
    assert np.array_equal(deblurrer.sample(pixels, n=2, seed=1)[1], second)
    assert not np.array_equal(deblurrer.sample(pixels, n=1, seed=2)[0], first)
    with pytest.raises(ConfigError, match="n is 0"):
        deblurrer.sample(photo, n=0)


@pytest.mark.parametrize(
    "use", [lambda deblurrer, image: deblurrer.encode_blur(image), lambda deblurrer, image: deblurrer.sample(image, 2)]
)
def test_memory_that_runs_out_for_the_blur_code_is_told_as_that(
    deblurrer: Deblurrer, photo: Image.Image, monkeypatch: pytest.MonkeyPatch, use: Any
) -> None:
    def failing(pixels: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(deblurrer.backend, "encode_blur", failing)
    with pytest.raises(MemoryLimitError, match="the image needs more memory than there is"):
        use(deblurrer, photo)


def test_blur_code_of_one_image_and_of_a_batch(deblurrer: Deblurrer, photo: Image.Image) -> None:
    mean, log_variance = deblurrer.encode_blur(photo)
    assert mean.shape == log_variance.shape == (8,)
    tensor = torch.from_numpy(np.array(photo)).permute(2, 0, 1)
    batch_mean, _ = deblurrer.encode_blur(torch.stack([tensor, tensor]))
    assert batch_mean.shape == (2, 8)
    assert torch.allclose(batch_mean[1], mean, atol=1e-5)


def test_nothing_is_left_to_chance(deblurrer: Deblurrer, photo: Image.Image) -> None:
    assert np.array_equal(np.asarray(deblurrer.deblur(photo)), np.asarray(deblurrer.deblur(photo)))


def test_values_that_are_not_finite(deblurrer: Deblurrer) -> None:
    with pytest.raises(ImageError, match="NaN"):
        deblurrer.deblur(np.full((8, 8, 3), np.nan, dtype=np.float32))


def test_a_single_pixel_shows_no_blur_but_a_line_does(deblurrer: Deblurrer) -> None:
    with pytest.raises(ImageError, match="single pixel"):
        deblurrer.deblur(np.zeros((1, 1, 3), np.uint8))
    assert deblurrer.deblur(np.arange(60, dtype=np.uint8).reshape(1, 20, 3)).shape == (1, 20, 3)


def test_an_empty_image(deblurrer: Deblurrer) -> None:
    with pytest.raises(ImageError, match="empty"):
        deblurrer.deblur(np.zeros((0, 8, 3), np.uint8))


def test_a_file_of_a_single_pixel_is_named(deblurrer: Deblurrer, tmp_path: Path) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    with pytest.raises(ImageError, match=r"dot\.png: the image is a single pixel"):
        deblurrer.deblur(tmp_path / "dot.png")


def test_on_a_gpu_images_of_one_size_run_together_and_come_in_their_order(
    deblurrer: Deblurrer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, which is not asked to be there: only the choice of batches depends on it."""
    images = [np.full((16 + 4 * (index % 2), 20), index * 20, np.uint8) for index in range(9)]
    expected = [deblurrer.deblur(image) for image in images]
    batches = []
    restore = deblurrer.restore_decoded

    def noting(decoded: Any, options: Any, on_progress: Any) -> Any:
        batches.append(len(decoded))
        return restore(decoded, options, on_progress)

    monkeypatch.setattr(deblurrer, "restore_decoded", noting)
    monkeypatch.setattr(deblurrer_module, "images_together", lambda device, batch_size: batch_size)
    for given, wanted in zip(deblurrer.deblur_batch(images, batch_size=3), expected, strict=True):
        assert np.array_equal(given, wanted)
    assert batches == [3, 3, 2, 1]
    taken: list[int] = []
    endless = (taken.append(1) or image for image in [*images[:1], *images[1::2] * 20])
    results = deblurrer.deblur_batch(endless, batch_size=2)
    next(results)
    assert len(taken) <= 10  # itself, four batches, and what fills the last of them


def test_on_a_gpu_a_bad_image_comes_after_all_before_it(deblurrer: Deblurrer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deblurrer_module, "images_together", lambda device, batch_size: batch_size)
    images = [np.zeros((16 + 4 * (index % 3), 20), np.uint8) for index in range(5)]
    results = deblurrer.deblur_batch([*images, "missing.png", *images], batch_size=4)
    assert [next(results).shape for _ in images] == [image.shape for image in images]
    with pytest.raises(ImageError, match=r"missing\.png"):
        next(results)


@pytest.mark.parametrize(
    ("single", "named"),
    [
        ("a.png", r"'a\.png'"),
        (Path("a.png"), r"a\.png"),
        (b"a.png", "5 bytes"),
        (Image.new("L", (8, 8)), "Image"),
        (np.zeros((8, 8), np.uint8), r"an array of shape \(8, 8\)"),
        (np.zeros((8, 8, 3), np.uint8), r"an array of shape \(8, 8, 3\)"),
        (torch.zeros(3, 8, 8), r"a tensor of shape \(3, 8, 8\)"),
        (None, "None"),
        (3, "3"),
    ],
)
def test_one_image_in_place_of_many_is_told_at_once(deblurrer: Deblurrer, single: Any, named: str) -> None:
    with pytest.raises(ConfigError, match=rf"images is .*{named}.*give a list of images, or use deblur for one"):
        deblurrer.deblur_batch(single)


def test_stacks_are_several_images(deblurrer: Deblurrer, photo: Image.Image) -> None:
    stack = np.stack([np.asarray(photo)] * 2)
    wanted = deblurrer.deblur(stack[0])
    for images in (stack, torch.from_numpy(stack).permute(0, 3, 1, 2)):
        results = [*deblurrer.deblur_batch(images)]
        assert len(results) == 2
        for result in results:
            pixels = np.asarray(result) if isinstance(images, np.ndarray) else result.permute(1, 2, 0).numpy()
            assert np.array_equal(pixels, wanted)
    assert len([*deblurrer.deblur_batch(stack[..., 0])]) == 2  # grey


def test_arguments_as_numpy_gives_them(deblurrer: Deblurrer, photo: Image.Image) -> None:
    pixels = np.asarray(photo)
    assert len(deblurrer.sample(pixels, np.int64(2), seed=np.int64(3))) == 2
    assert np.array_equal(deblurrer.sample(pixels, 1, seed=np.array(3))[0], deblurrer.sample(pixels, 1, seed=3)[0])
    batch = deblurrer.deblur_batch([pixels], batch_size=np.int64(2), progress=np.bool_(False))
    assert np.array_equal(next(batch), deblurrer.deblur(pixels))
    assert len([*deblurrer.deblur_batch([pixels], batch_size=None)]) == 1
    half = deblurrer.deblur(pixels, strength=np.float32(0.5), scale=np.float64(2), skip_sharp=np.bool_(False))
    assert np.array_equal(half, deblurrer.deblur(pixels, strength=0.5, scale=2))


def test_without_a_seed_every_draw_is_another(deblurrer: Deblurrer, photo: Image.Image) -> None:
    pixels = np.asarray(photo).astype(np.float32) / 255
    assert not np.array_equal(deblurrer.sample(pixels, 1, seed=None)[0], deblurrer.sample(pixels, 1, seed=None)[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda one, photo: one.sample(photo, None), "n is None"),
        (lambda one, photo: one.sample(photo, True), "n is True"),
        (lambda one, photo: one.sample(photo, 1, seed=2**70), "seed is 1180591620717411303424"),
        (lambda one, photo: one.sample(photo, 1, seed=1.5), r"seed is 1\.5"),
        (lambda one, photo: one.deblur_batch([photo], batch_size=2.5), r"batch_size is 2\.5"),
        (lambda one, photo: one.deblur_batch([photo], progress=1), "progress is 1"),
        (lambda one, photo: one.deblur_batch([photo], on_error=None), "on_error is None"),
        (lambda one, photo: one.deblur(photo, scale=np.array([1, 2])), "scale is array"),
        (lambda one, photo: one.deblur(photo, background=np.array(["keep", "restore"])), "background is array"),
        (lambda one, photo: one.deblur(photo, skip_sharp=None), "skip_sharp is None"),
    ],
)
def test_ill_typed_arguments_are_told(deblurrer: Deblurrer, photo: Image.Image, call: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        call(deblurrer, photo)


def test_all_pages_of_a_file_one_by_one(
    deblurrer: Deblurrer, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pages_of_tiff(tmp_path)
    with Image.open(path) as file:
        originals = [page.copy() for page in ImageSequence.Iterator(file)]
    count = 0
    restore = deblurrer.backend.restore

    def counting(*given: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        return restore(*given, **options)

    monkeypatch.setattr(deblurrer.backend, "restore", counting)
    told: list[float] = []
    pages = deblurrer.deblur_pages(str(path), on_progress=told.append)
    assert count == 0
    first = next(pages)
    assert count == 1
    results = [first, *pages]
    assert [(page.size, page.mode) for page in results] == [(page.size, page.mode) for page in originals]
    assert len(results) > 1
    for result, original in zip(results, originals, strict=True):
        assert np.array_equal(np.asarray(result), np.asarray(deblurrer.deblur(original)))
    assert told == sorted(told)
    assert told[-1] == 1
    assert "only the first" not in caplog.text
    deblurrer.deblur(path)
    assert "only the first is restored (deblur_pages restores all)" in caplog.text


def test_pages_that_cannot_be_read_are_told_at_once_or_in_their_turn(deblurrer: Deblurrer, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        deblurrer.deblur_pages(tmp_path / "missing.tif")
    with pytest.raises(ConfigError, match="path is None"):
        deblurrer.deblur_pages(None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="strength"):
        deblurrer.deblur_pages(pages_of_tiff(tmp_path), strength=2)
    Image.new("L", (9, 8)).save(tmp_path / "x.tif", save_all=True, append_images=[Image.new("L", (1, 1))])
    pages = deblurrer.deblur_pages(tmp_path / "x.tif")
    next(pages)
    with pytest.raises(ImageError, match=r"x\.tif, page 2: the image is a single pixel"):
        next(pages)
