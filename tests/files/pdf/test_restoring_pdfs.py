"""PDFs through the whole pipeline: what changes, and what must not."""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
import pytest
import torch
from pikepdf import Array, Dictionary, Name
from PIL import Image

from tests.files.pdf.making import MakeImage, fax, image, images_in, jpeg, make, picture, plain
from udsd import ImageError
from udsd.domains import Restoration
from udsd.files import compare_file, deblur_pdf, restore_files
from udsd.files.options import ReadOptions
from udsd.files.pdf import PdfSource
from udsd.files.pdf.image import PdfImage
from udsd.files.pdf.samples import read_samples
from udsd.files.report import FileResult
from udsd.images import limits
from udsd.images.mark import is_marked

STEP = 12.75
"""Levels of 255 that the fixture adds."""


def restored(brighter: Any, path: Path, **arguments: Any) -> FileResult:
    (result,) = restore_files(brighter, [path], path.parent / "out", **arguments).results
    return result


def shown(path: Path, page: int = 0, password: str | None = None) -> Any:
    document = pypdfium2.PdfDocument(path, password=password)
    try:
        return document[page].render(scale=1).to_numpy().astype(float)
    finally:
        document.close()


def text_of(path: Path, page: int = 0) -> str:
    document = pypdfium2.PdfDocument(path)
    try:
        return str(document[page].get_textpage().get_text_bounded())
    finally:
        document.close()


def icc(count: int) -> Callable[[pikepdf.Pdf], pikepdf.Array]:
    def space(pdf: pikepdf.Pdf) -> pikepdf.Array:
        return Array([Name.ICCBased, pikepdf.Stream(pdf, b"a profile", N=count)])

    return space


def with_space(samples: Any, space: Callable[[pikepdf.Pdf], Any], bits: int = 8) -> MakeImage:
    return lambda pdf: plain(samples, space(pdf), bits)(pdf)


GREY_RAMP = Array([Name.Indexed, Name.DeviceGray, 15, pikepdf.String(bytes(range(0, 256, 17)))])
CAL_RGB = Array([Name.CalRGB, Dictionary(WhitePoint=[0.95, 1, 1.09], Gamma=[2.2, 2.2, 2.2])])
CAL_GREY = Array([Name.CalGray, Dictionary(WhitePoint=[0.95, 1, 1.09])])


class Lighter:
    """In place of a model: adds so many levels of 255."""

    device = torch.device("cpu")

    def __init__(self, levels: float) -> None:
        self._step = levels / 127.5

    def restore_decoded(self, images: Any, options: Any = None, on_progress: Any = None) -> list[Restoration]:
        return [Restoration(one.pixels + self._step) for one in images]


SPACES: dict[str, tuple[MakeImage, str, float]] = {
    "grey": (plain(picture()), "/FlateDecode", 2),
    "grey, 2 bits": (plain(picture(top=3), bits=2), "/FlateDecode", 2),
    "grey, 4 bits": (plain(picture(top=15), bits=4), "/FlateDecode", 2),
    "grey, 16 bits": (plain(picture(top=65535), bits=16), "/FlateDecode", 2),
    "grey, upside down": (plain(picture(), Decode=Array([1, 0])), "/FlateDecode", 2),
    "grey, a part": (plain(picture(), Decode=Array([0.2, 0.9])), "/FlateDecode", 2),
    "grey of a profile": (with_space(picture(), icc(1)), "/FlateDecode", 2),
    "grey, calibrated": (plain(picture(), CAL_GREY), "/FlateDecode", 30),
    "colours": (plain(picture(3), Name.DeviceRGB), "/FlateDecode", 2),
    "colours, 16 bits": (plain(picture(3, top=65535), Name.DeviceRGB, 16), "/FlateDecode", 2),
    "colours of a profile": (with_space(picture(3), icc(3)), "/FlateDecode", 2),
    "colours, calibrated": (plain(picture(3), CAL_RGB), "/FlateDecode", 30),
    "inks": (plain(picture(4), Name.DeviceCMYK), "/FlateDecode", 12),
    "JPEG, grey": (jpeg(picture()), "/DCTDecode", 4),
    "JPEG, colours": (jpeg(picture(3)), "/DCTDecode", 4),
    "JPEG, inks": (jpeg(picture(4)), "/DCTDecode", 12),
    "palette of greys": (plain(picture(top=15), GREY_RAMP, 4), "/FlateDecode", 2),
}


@pytest.mark.parametrize("name", SPACES)
def test_colours_and_depths_stay_what_they_are(name: str, tmp_path: Path) -> None:
    make_image, coding, tolerance = SPACES[name]
    step = 85 if "bits" in name or "palette" in name else 20
    path = make(tmp_path / "scan.pdf", [make_image])
    result = restored(Lighter(step), path)
    assert result.status == "restored", result.reason
    with pikepdf.open(path) as before, pikepdf.open(result.target) as after:
        (one,), (other,) = images_in(before), images_in(after)
        assert str(other.Filter) == coding
        for entry in ("/Width", "/Height", "/BitsPerComponent", "/Decode"):
            assert other.get(entry) == one.get(entry), entry
        if "/Indexed" not in str(one.ColorSpace):
            assert repr(other.ColorSpace) == repr(one.ColorSpace)
    # What a viewer shows is as much lighter everywhere as the fixture made it.
    difference = shown(result.target) - shown(path)
    inside = difference[60:150, 40:180]
    assert abs(np.median(inside) - step) <= tolerance
    assert inside.mean() > step / 2
    assert np.abs(difference[:15]).max() == 0  # the page around the image


def test_two_valued_pages_stay_two_valued(brighter: Any, tmp_path: Path) -> None:
    samples = (picture() > 110).astype(np.uint8)
    blacks = Array([Name.Indexed, Name.DeviceRGB, 1, pikepdf.String(b"\xff\xff\xf0\x20\x00\x00")])
    kinds = [
        fax(samples),
        fax(1 - samples),
        fax(samples, Decode=Array([1, 0])),
        plain(samples, bits=1),
        plain(samples, blacks, 1),
        jbig2(samples),
    ]
    path = make(tmp_path / "fax.pdf", kinds)
    result = restored(brighter, path)
    assert result.status == "restored", result.reason
    assert result.pages == ()
    with pikepdf.open(path) as before, pikepdf.open(result.target) as after:
        for one, other in zip(images_in(before), images_in(after), strict=True):
            assert str(other.Filter) == "/CCITTFaxDecode"
            assert other.BitsPerComponent == 1
            assert other.DecodeParms.K == -1
            assert repr(other.ColorSpace) == repr(one.ColorSpace)
    for page in range(len(kinds)):
        # The fixture's step is too small to turn a black pixel white.
        np.testing.assert_array_equal(shown(result.target, page), shown(path, page))
        assert len(np.unique(shown(path, page)[60:150, 40:180])) >= 2


def jbig2(samples: Any) -> MakeImage:
    """Two-valued samples (H, W, 1) as JBIG2 of one region that is coded like fax; 0 is black."""
    height, width = samples.shape[:2]
    file = fax_data(1 - samples[..., 0])
    size = width.to_bytes(4) + height.to_bytes(4)
    region = size + bytes(8) + b"\0" + b"\x01" + file
    page = size + bytes(8) + b"\0" + b"\0\0"
    data = _segment(0, 48, page) + _segment(1, 38, region)
    return lambda pdf: image(
        pdf, data, (width, height), ColorSpace=Name.DeviceGray, BitsPerComponent=1, Filter=Name.JBIG2Decode
    )


def fax_data(blacks: Any) -> bytes:
    import io

    file = io.BytesIO()
    # In a TIFF of Pillow a set bit is what fax calls black.
    Image.fromarray(blacks != 0).save(file, "TIFF", compression="group4", tiffinfo={278: blacks.shape[0]})
    with Image.open(file) as written:
        (offset,), (length,) = written.tag_v2[273], written.tag_v2[279]  # type: ignore[attr-defined]
    return file.getvalue()[offset : offset + length]


def _segment(number: int, kind: int, data: bytes) -> bytes:
    return number.to_bytes(4) + bytes([kind, 0, 1]) + len(data).to_bytes(4) + data


def test_a_palette_of_colours_is_made_anew(brighter: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    colours = random.integers(0, 200, (16, 3), np.uint8)
    space = Array([Name.Indexed, Name.DeviceRGB, 15, pikepdf.String(colours.tobytes())])
    path = make(tmp_path / "scan.pdf", [plain(picture(top=15), space, 4)])
    result = restored(brighter, path)
    with pikepdf.open(result.target) as after:
        (other,) = images_in(after)
        assert str(other.ColorSpace[0]) == "/Indexed"
        assert other.BitsPerComponent == 4
    difference = (shown(result.target) - shown(path))[60:150, 40:180]
    assert abs(np.median(difference) - STEP) <= 2


def test_a_decode_array_of_a_palette(brighter: Any, tmp_path: Path) -> None:
    def scan(name: str, low: int, high: int) -> Path:
        return make(tmp_path / name, [plain(picture(top=15), GREY_RAMP, 4, Decode=Array([low, high]))])

    result = restored(brighter, scan("default.pdf", 0, 15))
    assert result.status == "restored", result.reason
    difference = (shown(result.target) - shown(result.source))[60:150, 40:180]
    assert abs(difference.mean() - 17) <= 1  # the next of the greys
    brighter.batches.clear()
    refused = restored(brighter, scan("other.pdf", 15, 0))
    assert refused.reason.startswith(f"{refused.source}: its palette has a Decode array")
    assert brighter.batches == []  # which is said before the network has run


@pytest.mark.parametrize("count", [1, 2])
def test_what_cannot_be_coded_is_told_of_its_file(
    count: int, brighter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: object) -> None:
        raise ImageError("no room\nfor it")

    monkeypatch.setattr(PdfImage, "encoded", failing)
    result = restored(brighter, make(tmp_path / "scan.pdf", [jpeg(picture())] * count))
    assert result.status == "failed"
    assert result.reason.startswith(f"{result.source}: ")
    assert "cannot be coded (no room for it)" in result.reason


def test_all_else_is_kept(brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture()), jpeg(picture(3))], text="findable words", rotate=90)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.Root.Metadata = pikepdf.Stream(pdf, b"<x:xmpmeta/>", Type=Name.Metadata, Subtype=Name.XML)
        pdf.save(path, preserve_pdfa=False, fix_metadata_version=False)
    result = restored(brighter, path)
    assert "findable words 2" in text_of(result.target, 1)
    with pikepdf.open(path) as before, pikepdf.open(result.target) as after:
        assert str(after.docinfo["/Title"]) == "Scanned"
        assert after.Root.Metadata.read_bytes() == b"<x:xmpmeta/>"
        with after.open_outline() as outline:
            assert [item.title for item in outline.root] == ["Beginning"]
        for one, other in zip(before.pages, after.pages, strict=True):
            assert other.obj.Rotate == 90
            assert other.mediabox == one.mediabox
            assert other.Contents.read_bytes() == one.Contents.read_bytes()


def test_masks_and_drawings_are_left_alone(brighter: Any, tmp_path: Path) -> None:
    def masked(pdf: pikepdf.Pdf) -> pikepdf.Stream:
        mask = plain(picture(top=200))(pdf)
        return plain(picture(), SMask=pdf.make_indirect(mask))(pdf)

    path = make(tmp_path / "scan.pdf", [masked, fax((picture() > 110).astype(np.uint8), ImageMask=True)])
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.add_blank_page()
        pdf.save(path)
    result = restored(brighter, path)
    assert len(brighter.batches) == 1
    with pikepdf.open(path) as before, pikepdf.open(result.target) as after:
        assert len(after.pages) == 3
        for one, other in zip(images_in_two(before), images_in_two(after), strict=True):
            assert other.read_raw_bytes() == one.read_raw_bytes()


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_cannot_be_seen_stays_and_casts_no_shadow(channels: int, bits: int, tmp_path: Path) -> None:
    white = 2**bits - 1
    samples = np.full((48, 64, channels), white // 2, np.uint16 if bits == 16 else np.uint8)
    samples[:, 32:] = 0
    alpha = np.full((48, 64, 1), 255, np.uint8)
    alpha[:, 32:] = 0
    space = Name.DeviceGray if channels == 1 else Name.DeviceRGB

    def masked(pdf: pikepdf.Pdf) -> pikepdf.Stream:
        return plain(samples, space, bits, SMask=pdf.make_indirect(plain(alpha)(pdf)))(pdf)

    path = make(tmp_path / "scan.pdf", [masked], rotate=90)
    (decoded,) = PdfSource(path, ReadOptions())
    assert float(decoded.pixels.std()) < 0.01
    result = restored(Lighter(20), path)
    with pikepdf.open(result.target) as after:
        values = read_samples(images_in(after)[0], channels).values
    np.testing.assert_array_equal(values[:, 32:], 0)
    assert abs(values[:, :32].mean() - samples[0, 0, 0] - 20 * white / 255) <= white / 255


@pytest.mark.parametrize("kind", ["plain", "turned", "fax", "of another size", "no mask"])
def test_what_a_stencil_hides_casts_no_shadow(kind: str, tmp_path: Path) -> None:
    samples = np.full((48, 64, 1), 127, np.uint8)
    samples[:, 32:] = 0
    hidden = np.zeros((48, 64, 1), np.uint8)
    hidden[:, 32:] = 1
    masks: dict[str, Any] = {
        "plain": plain(hidden, bits=1, ImageMask=True),
        "turned": plain(1 - hidden, bits=1, ImageMask=True, Decode=Array([1, 0])),
        "fax": fax(hidden, ImageMask=True),
        "of another size": plain(np.tile(hidden, (2, 1, 1)), bits=1, ImageMask=True),
        "no mask": lambda pdf: Dictionary(),
    }

    def masked(pdf: pikepdf.Pdf) -> pikepdf.Stream:
        mask = masks[kind](pdf)
        for name in ("/ColorSpace", *(["/BitsPerComponent"] if kind == "plain" else [])):
            if name in mask:
                del mask[name]
        return plain(samples, Mask=pdf.make_indirect(mask))(pdf)

    path = make(tmp_path / "scan.pdf", [masked])
    (decoded,) = PdfSource(path, ReadOptions())
    is_seen = kind in ("of another size", "no mask")
    assert float(decoded.pixels.std()) > 0.4 if is_seen else float(decoded.pixels.std()) < 0.01
    result = restored(Lighter(20), path)
    with pikepdf.open(path) as before, pikepdf.open(result.target) as after:
        one, other = images_in(before)[0], images_in(after)[0]
        values = read_samples(other, 1).values
        if isinstance(one.Mask, pikepdf.Stream):
            assert other.Mask.read_raw_bytes() == one.Mask.read_raw_bytes()
    assert values[0, 0, 0] == 147
    assert values[0, 63, 0] == (20 if is_seen else 0)


def images_in_two(pdf: pikepdf.Pdf) -> list[pikepdf.Stream]:
    first, second = (page.obj.Resources.XObject.Im0 for page in list(pdf.pages)[:2])
    return [first.SMask, second]


def test_an_image_that_many_pages_show_is_restored_once(brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture())] * 3)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        first = pdf.pages[0].obj.Resources.XObject.Im0
        for page in pdf.pages:
            page.obj.Resources.XObject = Dictionary(Im0=first)
        pdf.save(path)
    assert restored(brighter, path).status == "restored"
    assert brighter.batches == [1]


def test_images_within_forms_are_found_and_only_those_that_are_drawn(brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture()), jpeg(picture(seed=2))])
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        resources = pdf.pages[0].obj.Resources
        inner = resources.XObject.Im0
        form = pikepdf.Stream(pdf, b"/Inner Do /Itself Do")
        form.Type, form.Subtype, form.BBox = Name.XObject, Name.Form, Array([0, 0, 1, 1])
        form = pdf.make_indirect(form)
        form.Resources = Dictionary(XObject=Dictionary(Inner=inner, Itself=form))
        # The page of the second image is taken out, but the first still names it, and does not draw it.
        resources.XObject = Dictionary(Im0=form, Unseen=pdf.pages[1].obj.Resources.XObject.Im0)
        del pdf.pages[1]
        pdf.save(path)
    assert restored(brighter, path).status == "restored"
    assert brighter.batches == [1]


def test_two_runs_give_the_same_bytes(brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture(3)), plain(picture(1))])
    results = [deblur_pdf(brighter, path, tmp_path / f"{run}.pdf").target.read_bytes() for run in range(2)]
    assert results[0] == results[1]


def test_pages_may_be_chosen(brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture(seed=seed)) for seed in range(5)])
    result = restored(brighter, path, pages="2,4-")
    changed = [bool((shown(path, page) != shown(result.target, page)).any()) for page in range(5)]
    assert changed == [False, True, False, True, True]
    assert brighter.batches == [1, 1, 1]


@pytest.mark.parametrize("shares", ["image", "resources", "form"])
def test_an_image_of_pages_that_are_chosen_and_others_stays_on_these(
    shares: str, brighter: Any, tmp_path: Path
) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture()), jpeg(picture(seed=2)), jpeg(picture())])
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        first = pdf.pages[0].obj.Resources.XObject.Im0
        if shares == "form":
            form = pikepdf.Stream(pdf, b"/Inner Do", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 1, 1]))
            form.Resources = Dictionary(XObject=Dictionary(Inner=first, Itself=form))
            first = form
        for page in pdf.pages:
            page.obj.Resources.XObject.Im0 = first
        if shares == "resources":
            resources = pdf.make_indirect(pdf.pages[0].obj.Resources)
            for page in pdf.pages:
                page.obj.Resources = resources
        pdf.save(path)
    result = restored(brighter, path, pages="2-3")
    assert result.status == "restored"
    assert brighter.batches == [1]
    difference = [
        float(np.median((shown(result.target, page) - shown(path, page))[60:150, 40:180])) for page in range(3)
    ]
    assert difference[0] == 0
    assert min(difference[1:]) > STEP - 4
    assert images_of(result.target) == images_of(path) + 1
    assert images_of(restored(brighter, path, overwrite=True).target) == images_of(path)


def images_of(path: Path) -> int:
    with pikepdf.open(path) as pdf:
        return sum(isinstance(one, pikepdf.Stream) and one.get("/Subtype") == Name.Image for one in pdf.objects)


def test_pages_that_are_not_there_are_told(brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture())])
    result = restored(brighter, path, pages="7-9")
    assert result.status == "unsuitable"
    assert "no images on the pages 7-9: it has 1 page(s); give numbers from 1 to 1" in result.reason


def test_what_is_encrypted_stays_encrypted(brighter: Any, tmp_path: Path) -> None:
    lock = pikepdf.Encryption(owner="theirs", user="ours", R=6)
    path = make(tmp_path / "scan.pdf", [jpeg(picture()), jpeg(picture(3))], encryption=lock)
    assert "it is encrypted; give its password" in restored(brighter, path).reason
    assert "with another password" in restored(brighter, path, password="wrong").reason
    assert not (tmp_path / "out").exists() or not [*(tmp_path / "out").iterdir()]
    result = restored(brighter, path, password="ours")
    assert result.status == "restored"
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(result.target)
    difference = shown(result.target, 0, "ours") - shown(path, 0, "ours")
    assert abs(np.median(difference[60:150, 40:180]) - STEP) <= 4
    assert "ours" not in repr(result)


def test_one_damaged_image_stops_no_other_and_is_told(brighter: Any, tmp_path: Path) -> None:
    def broken(pdf: pikepdf.Pdf) -> pikepdf.Stream:
        return image(
            pdf, b"\xff\xd8 no JPEG", (64, 48), ColorSpace=Name.DeviceGray, BitsPerComponent=8, Filter=Name.DCTDecode
        )

    def cut(pdf: pikepdf.Pdf) -> pikepdf.Stream:
        data = zlib.compress(bytes(100))
        return image(pdf, data, (64, 48), ColorSpace=Name.DeviceGray, BitsPerComponent=8, Filter=Name.FlateDecode)

    path = make(tmp_path / "scan.pdf", [jpeg(picture()), broken, jpeg(picture(3)), cut])
    result = restored(brighter, path)
    assert result.status == "restored"
    assert [(page.number, *page.notes) for page in result.pages] == [
        (2, "its JPEG data are damaged"),
        (4, "its data are cut off: 100 of 3072 bytes are there"),
    ]
    assert json.loads(result.to_json())["pages"][1]["number"] == 4
    with pikepdf.open(result.target) as after:
        assert images_in(after)[1].read_raw_bytes() == b"\xff\xd8 no JPEG"
    assert abs(np.median((shown(result.target, 2) - shown(path, 2))[60:150, 40:180]) - STEP) <= 4


def test_what_cannot_be_restored_is_told_and_stays(brighter: Any, tmp_path: Path) -> None:
    path = make(
        tmp_path / "scan.pdf",
        [
            jpeg(picture()),
            plain(picture(), Mask=Array([0, 3])),
            plain(picture(2), Array([Name.DeviceN, Array([Name.A, Name.B]), Name.DeviceCMYK, 1])),
            plain(picture(), Decode=Array([1, 1])),
        ],
    )
    result = restored(brighter, path)
    assert [page.number for page in result.pages] == [2, 3, 4]
    assert "colour space DeviceN is not restored" in result.pages[1].notes[0]


@pytest.mark.parametrize("count", [1, 2])
def test_damaged_images_alone_are_an_error_and_nothing_is_written(count: int, brighter: Any, tmp_path: Path) -> None:
    def broken(pdf: pikepdf.Pdf) -> pikepdf.Stream:
        return image(pdf, b"?", (64, 48), ColorSpace=Name.DeviceGray, BitsPerComponent=8, Filter=Name.DCTDecode)

    result = restored(brighter, make(tmp_path / "scan.pdf", [broken] * count))
    assert result.status == "failed"
    assert "scan.pdf: " in result.reason
    assert "damaged" in result.reason
    assert not [*(tmp_path / "out").glob("**/*")]


def test_a_pdf_without_images_pages_or_sense(brighter: Any, tmp_path: Path) -> None:
    drawn = make(tmp_path / "drawn.pdf", [])
    with pikepdf.open(drawn, allow_overwriting_input=True) as pdf:
        pdf.add_blank_page()
        pdf.save(drawn)
    empty = make(tmp_path / "empty.pdf", [])
    (tmp_path / "text.pdf").write_text("no PDF at all")
    cut = make(tmp_path / "cut.pdf", [jpeg(picture())])
    cut.write_bytes(cut.read_bytes()[:200])
    results = {path.stem: restored(brighter, path) for path in (drawn, empty, tmp_path / "text.pdf", cut)}
    assert {name: result.status for name, result in results.items()} == {
        "drawn": "unsuitable",
        "empty": "failed",
        "text": "failed",
        "cut": "failed",
    }
    assert "has no images" in results["drawn"].reason
    assert "has no pages" in results["empty"].reason
    assert "damaged" in results["text"].reason
    assert all("\n" not in result.reason for result in results.values())
    assert not [*(tmp_path / "out").glob("**/*")]
    assert brighter.batches == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are UTF-8")
def test_names_that_are_not_utf_8(brighter: Any, tmp_path: Path) -> None:
    made = make(tmp_path / "made.pdf", [jpeg(picture()), jpeg(picture(3))])
    path = made.rename(tmp_path / os.fsdecode(b"\xe9.pdf"))
    result = restored(brighter, path)
    assert result.status == "restored", result.reason
    assert result.target.stat().st_size
    path.write_bytes(b"%PDF-")
    reason = restored(brighter, path, overwrite=True).reason
    assert reason.startswith(f"{path}: damaged or no PDF (unable to find")


@pytest.mark.skipif(sys.platform != "linux", reason="asks for the files that are open")
def test_a_file_is_closed_with_its_source(tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture())])
    source = PdfSource(path, ReadOptions())
    assert path in open_files()
    source.close()
    assert path not in open_files()


def open_files() -> list[Path]:
    return [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]


def test_bombs_are_refused(brighter: Any, tmp_path: Path) -> None:
    def large(pdf: pikepdf.Pdf) -> pikepdf.Stream:
        data = zlib.compress(bytes(1000))
        size = (200_000, 200_000)
        return image(pdf, data, size, ColorSpace=Name.DeviceGray, BitsPerComponent=8, Filter=Name.FlateDecode)

    def expanding(pdf: pikepdf.Pdf) -> pikepdf.Stream:
        data = zlib.compress(bytes(900_000_000), 1)
        return image(pdf, data, (64, 48), ColorSpace=Name.DeviceGray, BitsPerComponent=8, Filter=Name.FlateDecode)

    result = restored(brighter, make(tmp_path / "scan.pdf", [jpeg(picture()), large, expanding]))
    assert result.status == "restored"
    assert "more than the" in result.pages[0].notes[0]
    assert "limit" in result.pages[1].notes[0]


def test_files_of_too_much_work_are_refused(brighter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture(seed=seed)) for seed in range(3)])
    monkeypatch.setattr(limits, "_pages", 2)
    assert "more than the 2 pages" in restored(brighter, path).reason
    monkeypatch.setattr(limits, "_pages", 3)
    monkeypatch.setattr(limits, "_DECODED", 2)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 48)
    assert "its images have 9216 pixels together, more than 2 times" in restored(brighter, path).reason
    assert brighter.batches == []


def test_what_is_sharp_stays_as_it_is(tmp_path: Path) -> None:
    class Choosy:
        device = torch.device("cpu")

        def restore_decoded(self, images: Any, options: Any = None, on_progress: Any = None) -> list[Restoration]:
            (one,) = images
            if one.pixels.mean() > 0:
                return [Restoration(one.pixels, notes=("it is sharp",), outcome="sharp")]
            return [Restoration(one.pixels + 0.1)]

    path = make(tmp_path / "scan.pdf", [jpeg(picture()), jpeg(picture() // 2 + 128)])
    result = restored(Choosy(), path)
    with pikepdf.open(path) as before, pikepdf.open(result.target) as after:
        same = [
            one.read_raw_bytes() == other.read_raw_bytes()
            for one, other in zip(images_in(before), images_in(after), strict=True)
        ]
    assert same == [False, True]
    sharp = restored(Choosy(), make(tmp_path / "sharp.pdf", [jpeg(picture() // 2 + 128)] * 2))
    assert sharp.status == "sharp"
    assert not sharp.target.exists()
    masked = plain(picture(), Mask=Array([0, 3]))
    refused = restored(Choosy(), make(tmp_path / "refused.pdf", [jpeg(picture() // 2 + 128), masked]))
    assert refused.status == "failed"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scan.pdf"]


def test_folders_with_pdfs_among_images(brighter: Any, tmp_path: Path) -> None:
    make(tmp_path / "in" / "a.pdf", [jpeg(picture()), jpeg(picture(3))])
    make(tmp_path / "in" / "below" / "b.PDF", [jpeg(picture())])
    Image.new("L", (16, 12), 60).save(tmp_path / "in" / "c.png")
    report = restore_files(brighter, [tmp_path / "in"], tmp_path / "in" / "out", suffix="_sharp")
    assert sorted(path.name for path in report.restored) == ["a_sharp.pdf", "b_sharp.PDF", "c_sharp.png"]
    assert all(is_marked(path) for path in report.restored)
    again = restore_files(brighter, [tmp_path / "in"], tmp_path / "in" / "out", suffix="_sharp")
    assert len(again.kept) == 3


def test_results_beside_their_inputs_are_not_restored_again(brighter: Any, tmp_path: Path) -> None:
    make(tmp_path / "a.pdf", [jpeg(picture())])
    restore_files(brighter, [tmp_path], tmp_path, suffix="_sharp")
    again = restore_files(brighter, [tmp_path], tmp_path, suffix="_sharp")
    assert [path.name for path in again.kept] == ["a_sharp.pdf"]
    assert not again.restored


def test_pages_as_images_and_no_images_as_pages(brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture()), plain(picture(3, top=65535), Name.DeviceRGB, 16)])
    result = restored(brighter, path, file_format="tif")
    with Image.open(result.target) as written:
        assert written.n_frames == 2  # type: ignore[attr-defined]
    Image.new("L", (16, 12), 60).save(tmp_path / "c.png")
    result = restored(brighter, tmp_path / "c.png", file_format="pdf")
    assert result.status == "failed"
    assert "PDFs are made of PDFs alone" in result.reason


def test_a_comparison_shows_the_first_image(brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture()), jpeg(picture())])
    result = restored(brighter, path, compare=True, file_format="png")
    with Image.open(result.target) as written:
        assert written.width > 2 * 64
    assert "give it another format" in restored(brighter, path, compare=True).reason


def test_what_has_nothing_to_compare_stops_no_other(brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "in" / "a.pdf", [plain(picture(), Mask=Array([0, 3]))] * 2)
    Image.new("L", (16, 12), 60).save(tmp_path / "in" / "b.png")
    report = restore_files(brighter, [tmp_path / "in"], tmp_path / "out", compare=True, file_format="png")
    assert [done.name for done in report.restored] == ["b.png"]
    assert report.failed[path].startswith(f"{path}: none of its images can be restored (one of its colours is transp")
    with pytest.raises(ImageError, match="none of its images can be restored"):
        compare_file(brighter, path, tmp_path / "p.png")


@pytest.mark.parametrize("form", [Dictionary(SigFlags=pikepdf.String("x")), pikepdf.String("x")])
def test_a_senseless_form_is_no_signature(form: Any, brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture())])
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.Root.AcroForm, pdf.Root.Metadata = form, Dictionary()
        pdf.save(path, fix_metadata_version=False)
    assert restored(brighter, path).status == "restored"


def test_without_the_extra_it_is_said_what_to_install(
    brighter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture())])
    monkeypatch.setitem(__import__("sys").modules, "pikepdf", None)
    result = restored(brighter, path)
    assert 'pip install "pikepdf>=' in result.reason
    with pytest.raises((ImageError, ValueError), match=r"pip install .pikepdf>="):
        restore_files(brighter, [path], tmp_path / "b.pdf", file_format="pdf")
