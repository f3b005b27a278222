from __future__ import annotations

import numpy as np
import pytest
import torch

from udsd.errors import ImageError
from udsd.images import decode_image

ARRAY_SHAPES = [(5, 7), (5, 7, 1), (5, 7, 2), (5, 7, 3), (5, 7, 4), (1, 1), (1, 1, 3)]
TENSOR_SHAPES = [(1, 5, 7), (3, 5, 7), (4, 5, 7), (3, 1, 1), (2, 1, 5, 7), (2, 3, 5, 7), (2, 4, 5, 7)]
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def every_level(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Random values with black and white among them."""
    rng = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        values = rng.random(shape).astype(dtype)
        values.flat[:2] = (0, 1)[: values.size]
        return values
    white = np.iinfo(dtype).max
    values = rng.integers(0, white, shape, endpoint=True).astype(dtype)
    values.flat[:2] = (0, white)[: values.size]
    return values


@pytest.mark.parametrize("shape", ARRAY_SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "float16", "float32", ">f4", "float64"])
def test_array_round_trip(shape: tuple[int, ...], dtype: str) -> None:
    array = every_level(shape, dtype)
    decoded = decode_image(array)
    assert decoded.pixels.shape == (1, 3, *shape[:2])
    assert decoded.pixels.dtype == torch.float32
    assert decoded.pixels.min() >= -1
    assert decoded.pixels.max() <= 1
    result = decoded.encode(decoded.pixels)
    assert result.shape == array.shape
    assert result.dtype == array.dtype
    np.testing.assert_allclose(
        result.astype(float), array.astype(float), rtol=0, atol=1e-6 if array.dtype.kind == "f" else 0
    )


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_level_comes_back(dtype: str) -> None:
    array = np.arange(np.iinfo(dtype).max + 1).astype(dtype).reshape(-1, 256)
    for image in (array, np.stack([array, array[::-1], array.T.reshape(array.shape)], axis=-1)):
        decoded = decode_image(image)
        np.testing.assert_array_equal(decoded.encode(decoded.pixels), image)


@pytest.mark.parametrize("shape", TENSOR_SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, *FLOATS], ids=str)
def test_tensor_round_trip(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    if dtype in FLOATS:
        tensor = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    else:
        tensor = torch.from_numpy(every_level(shape, str(dtype).removeprefix("torch.")))
    decoded = decode_image(tensor)
    assert decoded.pixels.shape == (shape[0] if len(shape) == 4 else 1, 3, *shape[-2:])
    result = decoded.encode(decoded.pixels)
    assert result.shape == tensor.shape
    assert result.dtype == dtype
    assert result.device == tensor.device
    if dtype in FLOATS:
        torch.testing.assert_close(result.double(), tensor.double(), rtol=0, atol=1e-6)
    else:
        assert torch.equal(result.int(), tensor.int())


def test_pixel_range_is_minus_one_to_one() -> None:
    array = np.array([[0, 255]], dtype=np.uint8)
    assert decode_image(array).pixels[0, :, 0].tolist() == [[-1.0, 1.0]] * 3


def test_channel_order_is_kept() -> None:
    array = np.array([[[255, 0, 51]]], dtype=np.uint8)
    torch.testing.assert_close(decode_image(array).pixels.flatten(), torch.tensor([1.0, -1.0, -0.6]))


def test_whole_numbers_are_rounded_to_nearest_and_clamped() -> None:
    decoded = decode_image(np.zeros((1, 4, 3), dtype=np.uint8))
    levels = torch.tensor([-30.0, 99.4, 99.6, 300.0])
    restored = (levels / 127.5 - 1).expand(1, 3, 1, 4)
    assert decoded.encode(restored)[0, :, 0].tolist() == [0, 99, 100, 255]


def test_grey_is_the_mean_of_the_three_channels() -> None:
    decoded = decode_image(np.zeros((1, 1), dtype=np.float32))
    restored = torch.tensor([-1.0, 0.0, 0.4]).reshape(1, 3, 1, 1)
    np.testing.assert_allclose(decoded.encode(restored), [[0.4]], atol=1e-6)


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_kept_whatever_is_restored(channels: int) -> None:
    array = every_level((4, 4, channels), "uint8")
    array[..., -1] = np.maximum(array[..., -1], 1)
    before = array.copy()
    decoded = decode_image(array)
    array[...] = 0
    result = decoded.encode(torch.ones(1, 3, 4, 4))
    np.testing.assert_array_equal(result[..., -1], before[..., -1])
    assert (result[..., :-1] == 255).all()


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_restored_image_may_be_of_any_float_dtype(dtype: torch.dtype) -> None:
    decoded = decode_image(np.zeros((2, 2, 3), dtype=np.uint8))
    assert (decoded.encode(torch.full((1, 3, 2, 2), 1.0, dtype=dtype)) == 255).all()


def test_strided_and_read_only_arrays() -> None:
    array = every_level((6, 8, 4), "uint8")[::-1, ::2, 2::-1]
    array.flags.writeable = False
    decoded = decode_image(array)
    np.testing.assert_array_equal(decoded.encode(decoded.pixels), array)


def test_input_is_not_changed_and_gives_no_gradient() -> None:
    tensor = torch.rand(3, 4, 4, requires_grad=True)
    before = tensor.detach().clone()
    decoded = decode_image(tensor)
    decoded.pixels.zero_()
    assert torch.equal(tensor.detach(), before)
    assert not decoded.encode(torch.zeros(1, 3, 4, 4, requires_grad=True)).requires_grad


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4), dtype=bool), r"bool.*uint8.*\* 255"),
        (np.zeros((4, 4), dtype=np.int64), r"int64.*uint8, uint16, float16"),
        (np.zeros((4, 4), dtype=complex), "complex128"),
        (np.zeros((4, 4), dtype=object), "object"),
        (np.zeros(4, dtype=np.uint8), r"\(4,\)"),
        (np.zeros((3, 4, 5), dtype=np.uint8), r"transpose\(1, 2, 0\)"),
        (np.zeros((1, 4, 4, 3), dtype=np.uint8), r"\(1, 4, 4, 3\)"),
        (np.zeros((0, 4, 3), dtype=np.uint8), "empty"),
        (np.zeros((4, 0), dtype=np.float32), "empty"),
        (np.zeros((4, 4, 0), dtype=np.uint8), r"\(4, 4, 0\)"),
        (np.array([[0.5, np.nan, np.inf]]), "2 of 3 values are NaN or infinite"),
        (np.array([[0.0, 255.0]]), r"\[0, 255\].*divide by 255\?"),
        (np.array([[-1.0, 1.0]], dtype=np.float32), r"\[-1, 1\].*shift and scale"),
        (np.array([[0.5, 1e300]]), r"1e\+300"),
        (torch.zeros(4, 4), r"\(4, 4\)"),
        (torch.zeros(6, 5, 3), r"movedim\(-1, -3\)"),
        (torch.zeros(2, 4, 4), r"\(2, 4, 4\)"),
        (torch.zeros(0, 3, 4, 4), "empty"),
        (torch.zeros(3, 4, 4, dtype=torch.int64), "torch.int64"),
        (torch.zeros(3, 4, 4, dtype=torch.bool), "torch.bool"),
        (torch.full((3, 4, 4), torch.nan, dtype=torch.float16), "48 of 48"),
        (torch.full((3, 4, 4), 1.1), r"\[1.1, 1.1\]"),
        (None, "NoneType"),
        ([[0, 1]], "list"),
        (b"image.png", "not an image that can be read here"),
    ],
)
def test_bad_input(image: object, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        decode_image(image)  # type: ignore[call-overload]
    assert "\n" not in str(caught.value)


def test_values_barely_out_of_range_are_clamped() -> None:
    decoded = decode_image(np.array([[-5e-4, 1 + 5e-4]]))
    assert decoded.pixels.min() == -1
    assert decoded.pixels.max() == 1


@pytest.mark.parametrize(
    ("restored", "message"),
    [
        (torch.zeros(1, 3, 4, 5), r"\(1, 3, 4, 5\).*\(1, 3, 4, 4\)"),
        (torch.full((1, 3, 4, 4), torch.inf), "48 of 48 values"),
    ],
)
def test_bad_restored_image(restored: torch.Tensor, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        decode_image(np.zeros((4, 4), dtype=np.uint8)).encode(restored)


def test_a_sparse_tensor_is_told() -> None:
    with pytest.raises(ImageError, match="sparse"):
        decode_image(torch.rand(3, 8, 8).to_sparse())
