"""The page in a real browser: Debian's chromium, which nothing here downloads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.commands import run
from tests.serving.test_page import bomb, frames_of

pytest.importorskip("gradio", reason="the page needs Gradio")
pytest.importorskip("selenium", reason="a browser is driven by Selenium")

from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.serving.servers import Server, eventually, serving

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="chromium and chromium-driver are not installed"),
]


class Visitor:
    """Somebody with a browser.

    Args:
        server: Whose page is opened.
        downloads: Where the browser saves what is downloaded.
    """

    def __init__(self, server: Server, downloads: Path) -> None:
        options = Options()
        options.binary_location = str(CHROMIUM)
        # A sandbox of its own takes rights that root has not in containers.
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1400"):
            options.add_argument(argument)
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        self.browser = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
        self.downloads = downloads
        self.browser.get(server.address)
        self.wait_for("#pictures input[type=file]")

    def find(self, selector: str) -> list[WebElement]:
        """What there is on the page now."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def wait_for(self, selector: str) -> WebElement:
        """The first of what will be there."""
        assert eventually(lambda: self.find(selector) != []), f"{selector} does not come"
        return self.find(selector)[0]

    def bring(self, *paths: Path) -> None:
        """Upload files."""
        self.wait_for("#pictures input[type=file]").send_keys("\n".join(map(str, paths)))
        assert eventually(lambda: len(self.find("#pictures .file-preview tr.file")) == len(paths))

    def press(self, selector: str) -> None:
        self.wait_for(selector).click()

    def answer(self) -> str:
        """What is told of the result, once it is there."""
        self.wait_for("#told .udsd-restored, #told .udsd-failed, #told .udsd-unsuitable")
        return self.find("#told")[0].text

    def download(self, number: int = 0) -> bytes:
        """A result, saved by a click."""
        self.wait_for("#downloads a")
        link = self.find("#downloads a")[number]
        target = self.downloads / str(link.get_attribute("download"))
        link.click()
        assert eventually(target.is_file)
        return target.read_bytes()

    def hosts(self) -> set[str]:
        """Beginnings of all addresses that the browser has asked."""
        events = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        asked = [
            event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
        ]
        return {"/".join(address.split("/")[:3]) for address in asked if not address.startswith("data:")}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server") / "world", "--max-pixels", 2_000_000, "--max-size", "2MB") as one:
        yield one
        assert one.stop() == 0
        assert one.files() == []


@pytest.fixture
def visit(server: Server, tmp_path: Path) -> Iterator[Callable[[], Visitor]]:
    visitors: list[Visitor] = []

    def open_page() -> Visitor:
        folder = tmp_path / f"downloads-{len(visitors)}"
        folder.mkdir()
        visitors.append(Visitor(server, folder))
        return visitors[-1]

    yield open_page
    for visitor in visitors:
        visitor.browser.quit()
    assert eventually(lambda: server.files() == []), "what a visitor brought is left after the page was closed"


@pytest.fixture(scope="module")
def blurred(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two parts of a blurred page, the first a JPEG with EXIF, the second with 16 bits."""
    folder = tmp_path_factory.mktemp("blurred")
    exif = Image.Exif()
    exif[0x010F] = "camera"
    with Image.open(ROOT / "examples" / "page_blurred.png") as page:
        page.convert("RGB").crop((40, 90, 320, 210)).save(folder / "first.jpg", exif=exif, quality=90)
        grey = np.asarray(page.convert("L").crop((40, 190, 320, 310)), np.uint16) * 257
    Image.fromarray(grey).save(folder / "second.png")
    return folder / "first.jpg", folder / "second.png"


def test_a_picture_goes_in_and_a_better_one_comes_out(
    visit: Callable[[], Visitor], server: Server, blurred: tuple[Path, Path], expected: Path
) -> None:
    visitor = visit()
    visitor.bring(blurred[0])
    visitor.press("#restore")
    assert "first.jpg restored by text" in visitor.answer()

    before, after = visitor.find("#slider img")
    for image in (before, after):
        assert eventually(lambda image=image: image.get_property("naturalWidth") == 280)  # type: ignore[misc]
    shown = after.get_attribute("style")
    handle = visitor.wait_for("#slider [data-testid=slider]")
    ActionChains(visitor.browser).drag_and_drop_by_offset(handle, -120, 0).perform()
    assert eventually(lambda: after.get_attribute("style") != shown), "the slider does not move"

    assert visitor.download() == (expected / "first.jpg").read_bytes()
    assert visitor.hosts() == {server.address}, "the page asks others"


@pytest.fixture(scope="module")
def expected(blurred: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the command makes of these."""
    folder = tmp_path_factory.mktemp("expected")
    assert run("deblur", *blurred, "-o", folder) == 0
    return folder


@pytest.fixture(scope="module")
def scan_and_clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scanned PDF of two blurred pages, and a blurred clip of three frames."""
    for module in ("pikepdf", "pypdfium2", "av"):
        pytest.importorskip(module)
    from tests.files.pdf import making as pdfs
    from tests.files.video import making as clips

    folder = tmp_path_factory.mktemp("documents")
    with Image.open(ROOT / "examples" / "page_blurred.png") as opened:
        page = opened.convert("RGB")
    parts = [np.asarray(page.crop((40, top, 280, top + 100))) for top in (90, 190)]

    def draw(number: int, size: tuple[int, int]) -> Any:
        return np.asarray(page.crop((40 + number, 90, 40 + number + size[0], 90 + size[1])))

    return (
        pdfs.make(folder / "scan.pdf", [pdfs.jpeg(part) for part in parts], text="Page"),
        clips.make(folder / "clip.mkv", 3, size=(200, 100), draw=draw, sound=True, codec="ffv1", options={}),
    )


def test_a_pdf_and_a_clip_come_back_as_what_they_are(
    visit: Callable[[], Visitor], scan_and_clip: tuple[Path, Path], tmp_path: Path
) -> None:
    visitor = visit()
    visitor.bring(*scan_and_clip)
    visitor.press("#restore")
    told = visitor.answer()
    assert "scan.pdf restored by text" in told
    assert "clip.mkv restored by text" in told

    def shown(width: int) -> bool:
        images = visitor.find("#slider img")
        return [image.get_property("naturalWidth") for image in images] == [width, width]

    assert eventually(lambda: shown(240)), "the first page is not shown"
    visitor.press("#shown input")
    visitor.wait_for("#shown [role=option][aria-label='clip.mkv']").click()
    assert eventually(lambda: shown(200)), "the clip is not shown"

    assert run("deblur", *scan_and_clip, "-o", tmp_path / "out") == 0
    scan, clip = ((tmp_path / "out" / path.name).read_bytes() for path in scan_and_clip)
    assert visitor.download(0) == scan
    assert frames_of(visitor.download(1)) == frames_of(clip)


def test_an_upload_that_is_too_large_is_told_and_another_can_be_brought(
    visit: Callable[[], Visitor], blurred: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "large.png").write_bytes(bytes(3_000_000))
    visitor = visit()
    visitor.wait_for("#pictures input[type=file]").send_keys(str(tmp_path / "large.png"))
    told = visitor.wait_for(".toast-body")
    assert eventually(lambda: "large.png" in told.text and "maximum allowed size" in told.text)
    visitor.press("#pictures button[aria-label=Clear]")
    visitor.bring(blurred[0])


def test_two_at_once_get_their_own(visit: Callable[[], Visitor], blurred: tuple[Path, Path], expected: Path) -> None:
    visitors = [visit(), visit()]
    for visitor, path in zip(visitors, blurred, strict=True):
        visitor.bring(path)
    for visitor in visitors:
        visitor.press("#restore")
    for visitor, path in zip(visitors, blurred, strict=True):
        assert path.name in visitor.answer()
        assert visitor.download() == (expected / path.name).read_bytes()


def test_a_bomb_is_told_and_the_page_goes_on(
    visit: Callable[[], Visitor], blurred: tuple[Path, Path], tmp_path: Path
) -> None:
    visitor = visit()
    visitor.bring(bomb(tmp_path / "bomb.png"), blurred[0])
    visitor.press("#restore")
    told = visitor.answer()
    assert "bomb.png not restored" in told
    assert "more than the 2,000,000 pixels that are allowed" in told
    assert "first.jpg restored" in told


def test_faces_are_chosen_by_boxes(visit: Callable[[], Visitor], tmp_path: Path) -> None:
    with Image.open(ROOT / "docs" / "images" / "face.png") as picture:
        picture.convert("RGB").crop((0, 40, 500, 240)).save(tmp_path / "faces.jpg", quality=90)
    visitor = visit()
    visitor.bring(tmp_path / "faces.jpg")
    visitor.press("#faces button")
    visitor.press("#find-faces")
    picture = visitor.wait_for("#found-faces img")
    # Until it is there it has another size.
    assert eventually(lambda: picture.get_property("naturalWidth") == 500)
    boxes = visitor.wait_for("#boxes textarea")
    found = str(boxes.get_property("value")).splitlines()
    assert len(found) > 1
    left, top, width, height = (float(number) for number in found[0].split(","))
    shown = picture.size["width"] / 500
    x, y = ((left + width / 2 - 250) * shown, (top + height / 2 - 100) * shown)
    ActionChains(visitor.browser).move_to_element_with_offset(picture, round(x), round(y)).click().perform()
    assert eventually(lambda: str(boxes.get_property("value")).splitlines() == found[1:])
    visitor.press("#restore")
    told = visitor.answer()
    assert "restored by face" in told
    assert f"{len(found) - 1} face" in told


def test_a_page_that_is_closed_in_the_middle_leaves_nothing(
    visit: Callable[[], Visitor], server: Server, tmp_path: Path
) -> None:
    with Image.open(ROOT / "examples" / "page_blurred.png") as page:
        page.convert("RGB").resize((1500, 1200)).save(tmp_path / "large.png")
    visitor = visit()
    visitor.bring(tmp_path / "large.png")
    visitor.press("#restore")
    assert eventually(server.is_working)
    visitor.browser.quit()
    assert eventually(lambda: server.files() == [])
    assert not server.is_working()
