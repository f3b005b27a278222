from __future__ import annotations

from typing import Any

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from tests.files.pdf.making import picture
from udsd import ImageError
from udsd.files.pdf.colours import colours_of, colours_of_channels, with_palette
from udsd.files.pdf.spaces import Inks, Levels, Palette

WHOLE = (0.0, 1.0)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("limits", [WHOLE, (1.0, 0.0), (0.25, 0.75)])
def test_levels_of_any_depth_come_back(bits: int, limits: tuple[float, float]) -> None:
    samples = picture(top=2**bits - 1)
    levels = Levels([limits])
    view = levels.view(samples, bits)
    assert view.dtype == (np.uint16 if bits == 16 else np.uint8)
    back = levels.back(view, samples, bits)
    # Half of the range has half of the levels.
    tolerance = int(limits == (0.25, 0.75) and bits >= 8)
    np.testing.assert_allclose(back.values.astype(int), samples, atol=tolerance)
    assert (back.bits, back.palette) == (bits, None)


def test_levels_are_parts_of_white() -> None:
    samples = np.array([[[0], [1], [2], [3]]], np.uint8)
    assert Levels([WHOLE]).view(samples, 2).tolist() == [[0, 85, 170, 255]]
    assert Levels([(1.0, 0.0)]).view(samples, 2).tolist() == [[255, 170, 85, 0]]
    assert Levels([(0.0, 0.5)]).view(samples, 2).tolist() == [[0, 42, 85, 128]]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("limits", [WHOLE, (1.0, 0.0)])
def test_inks_that_do_not_change_stay_and_others_make_the_colours(bits: int, limits: tuple[float, float]) -> None:
    random = np.random.default_rng(0)
    white = 2**bits - 1
    samples = random.integers(0, white + 1, (40, 50, 4)).astype(np.uint16 if bits == 16 else np.uint8)
    samples[:2] = 0
    samples[2:4] = white
    inks = Inks([limits] * 4)
    view = inks.view(samples, bits)
    np.testing.assert_array_equal(inks.back(view, samples, bits).values, samples)
    wanted = view.copy()
    wanted[::2] = random.integers(0, white + 1, wanted[::2].shape)
    back = inks.back(wanted, samples, bits)
    np.testing.assert_array_equal(back.values[1::2], samples[1::2])
    seen = inks.view(back.values, bits).astype(int)
    assert np.abs(seen - wanted).max() <= 2 * (white // 255)


def test_print_in_black_alone_stays_in_black_alone() -> None:
    samples = np.zeros((1, 3, 4), np.uint8)
    samples[0, :, 3] = (0, 128, 255)
    inks = Inks([WHOLE] * 4)
    sharper = np.array([[[255] * 3, [60] * 3, [20] * 3]], np.uint8)
    back = inks.back(sharper, samples, 8).values
    assert back[..., :3].max() <= 1
    assert back[0, :, 3].tolist() == [0, 195, 235]


INK = Array([Name.Separation, Name.Black, Name.DeviceGray, 1])


def test_an_ink_of_its_own_is_dark_where_there_is_much() -> None:
    samples = np.array([[[0], [255]]], np.uint8)
    assert colours_of(INK, None).view(samples, 8).tolist() == [[255, 0]]
    assert colours_of(INK, Array([1, 0])).view(samples, 8).tolist() == [[0, 255]]
    palette = colours_of(Array([Name.Indexed, INK, 2, pikepdf.String(b"\0\x64\xff")]), None)
    assert palette.view(np.array([[[0], [1], [2]]], np.uint8), 8).tolist() == [[255, 155, 0]]


def test_palettes() -> None:
    two = Palette(np.array([[255, 255, 255], [200, 0, 0]], np.uint8), None)
    samples = np.array([[[0], [1]]], np.uint8)
    view = two.view(samples, 1)
    assert view.tolist() == [[[255, 255, 255], [200, 0, 0]]]
    nearly = np.array([[[240, 200, 250], [190, 90, 100]]], np.uint8)
    assert two.back(nearly, samples, 1).values.tolist() == [[[0], [1]]]
    turned = Palette(two.entries, [(1.0, 0.0)])
    assert turned.view(samples, 1).tolist() == [[[200, 0, 0], [255, 255, 255]]]
    assert turned.back(nearly, samples, 1).values.tolist() == [[[1], [0]]]
    greys = Palette(np.array([[0], [100], [200]], np.uint8), None)
    assert greys.view(np.array([[[2], [7]]], np.uint8), 8).tolist() == [[200, 200]]  # beyond the last
    back = greys.back(np.array([[0, 255]], np.uint8), samples, 4)
    assert back.values.tolist() == [[[0], [15]]]
    assert back.palette is not None
    assert back.palette[:, 0].tolist() == [*range(0, 256, 17)]
    with pytest.raises(ImageError, match="Decode array"):
        Palette(greys.entries, [(0.0, 2.0)]).for_bits(8)
    assert Palette(greys.entries, [(0.0, 255.0)]).for_bits(8).ranges is None
    assert turned.for_bits(1) is turned


@pytest.mark.parametrize(
    ("base", "channels", "found"),
    [
        (Name.DeviceGray, 1, Name.DeviceGray),
        (Name.DeviceGray, 3, Name.DeviceRGB),
        (Name.DeviceRGB, 1, Name.DeviceRGB),
        (Name.DeviceRGB, 3, Name.DeviceRGB),
        (Name.DeviceCMYK, 1, Name.DeviceGray),
        (Name.DeviceCMYK, 3, Name.DeviceRGB),
        (INK, 1, INK),
        (INK, 3, Name.DeviceRGB),
    ],
)
def test_a_new_palette_lies_above_the_same_space_if_that_holds_it(base: Any, channels: int, found: Any) -> None:
    space = Array([Name.Indexed, base, 0, pikepdf.String(bytes(4))])
    palette = np.arange(2 * channels, dtype=np.uint8).reshape(2, channels)
    new = with_palette(space, palette)
    assert new[1] == found
    assert new[2] == 1
    again = colours_of(new, None)
    assert isinstance(again, Palette)
    assert again.entries.tolist() == palette.tolist()


def test_spaces_that_are_not_restored_are_named() -> None:
    lab = Array([Name.Lab, Dictionary(WhitePoint=[0.9, 1, 0.8])])
    with pytest.raises(ImageError, match="colour space Lab is not restored"):
        colours_of(lab, None)
    with pytest.raises(ImageError, match="colour space Pattern is not restored"):
        colours_of(Name.Pattern, None)
    with pytest.raises(ImageError, match="profile of its colours is missing"):
        colours_of(Array([Name.ICCBased, None]), None)
    with pytest.raises(ImageError, match="does not fit"):
        colours_of(Name.DeviceRGB, Array([0, 1]))
    with pytest.raises(ImageError, match="makes all colours one"):
        colours_of(Name.DeviceGray, Array([1, 1]))
    with pytest.raises(ImageError, match="palette is cut off"):
        colours_of(Array([Name.Indexed, Name.DeviceRGB, 5, pikepdf.String(b"abc")]), None)
    with pytest.raises(ImageError, match="2 channels"):
        colours_of_channels(2)
    assert [colours_of_channels(count).components for count in (1, 3, 4)] == [1, 3, 4]
