"""The HTTP interface, of a server in a process of its own."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from tests.commands import run
from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained import save_model

pytest.importorskip("gradio", reason="the page needs Gradio")

from tests.serving.servers import ROOT, Client, Server, eventually, last_event, serving  # it needs what Gradio brings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def any_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "any"
    save_model(DeblurModel(ModelConfig(base_width=4, residual_blocks=1)).eval(), folder)
    return folder


@pytest.fixture(scope="module")
def server(any_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    world = tmp_path_factory.mktemp("server") / "world"
    with serving(
        world,
        "--model",
        any_model,
        "--max-pixels",
        2_000_000,
        "--max-size",
        "2MB",
        "--max-files",
        8,
        *("--max-frames", 20),
    ) as one:
        yield one


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server) as one:
        yield one


def faithful_pictures(folder: Path) -> list[Path]:
    """Pictures with what is easily lost: 16 bits, EXIF, a profile, alpha, pages, inks."""
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "camera", 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(colours)
    image.save(folder / "exif.jpg", quality=83, exif=exif, icc_profile=profile)
    image.convert("RGBA").save(folder / "alpha ü.png", icc_profile=profile)
    image.convert("CMYK").save(folder / "inks.jpg")
    tifffile.imwrite(folder / "deep.tif", random.integers(0, 65536, (40, 50, 3), dtype=np.uint16), photometric="rgb")
    image.save(folder / "pages.tif", save_all=True, append_images=[image.convert("L")])
    image.save(folder / "lossy.webp", quality=70, exif=exif)
    return sorted(folder.iterdir())


def frames_of(clip: bytes) -> list[Any]:
    """What a clip shows. Matroska's own numbers are other ones in each run."""
    import av

    with av.open(io.BytesIO(clip)) as container:
        return [frame.to_ndarray().tolist() for frame in container.decode(video=0)]


def scan_and_clip(folder: Path) -> tuple[Path, Path]:
    """A PDF of two pages with a layer of text, and a clip with sound."""
    for module in ("pikepdf", "pypdfium2", "av"):
        pytest.importorskip(module)
    from tests.files.pdf import making as pdfs
    from tests.files.video import making as clips

    images = [pdfs.jpeg(pdfs.picture(3, seed)) for seed in (0, 4)]
    return (
        pdfs.make(folder / "scan.pdf", images, text="Page"),
        # Without loss: of the same frames libx264 does not always make the same bytes.
        clips.make(folder / "clip.mkv", 10, sound=True, codec="ffv1", options={}),
    )


def bomb(path: Path) -> Path:
    """A picture of 10,000 megapixels in some bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


def test_the_bytes_are_those_of_the_command(client: Client, any_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    pictures = faithful_pictures(folder)
    assert run("deblur", folder, "-o", tmp_path / "out", "--model", any_model) == 0
    restored, report = client.deblur(client.upload(*pictures))
    assert [entry["source"] for entry in report] == [path.name for path in pictures]
    for path, data in zip(pictures, restored, strict=True):
        assert data == (tmp_path / "out" / path.name).read_bytes(), path.name


def test_pdfs_and_clips_are_those_of_the_command(client: Client, any_model: Path, tmp_path: Path) -> None:
    files = scan_and_clip(tmp_path)
    assert run("deblur", *files, "-o", tmp_path / "out", "--model", any_model) == 0
    restored, report = client.deblur(client.upload(*files))
    assert [entry["status"] for entry in report] == ["restored", "restored"]
    expected = [(tmp_path / "out" / path.name).read_bytes() for path in files]
    assert restored[0] == expected[0]
    assert frames_of(restored[1]) == frames_of(expected[1])
    assert len(frames_of(restored[1])) == 10
    assert frames_of(restored[1]) != frames_of(files[1].read_bytes())
    assert restored[0].startswith(b"%PDF-")
    assert restored[1].startswith(b"\x1a\x45\xdf\xa3")  # Matroska


def test_hostile_pdfs_and_clips_are_told_and_stop_nothing(client: Client, pages: Path, tmp_path: Path) -> None:
    scan, clip = scan_and_clip(tmp_path)
    from tests.files.pdf import making as pdfs
    from tests.files.video import making as clips

    (tmp_path / "cut.pdf").write_bytes(scan.read_bytes()[:400])
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {clip}\n")
    long_clip = clips.make(tmp_path / "long.mkv", 21)
    long_scan = pdfs.make(tmp_path / "long.pdf", [pdfs.plain(pdfs.picture(1))] * 101)
    huge = pdfs.make(tmp_path / "huge.pdf", [pdfs.plain(pdfs.picture(1), Width=100_000, Height=100_000)])
    files = [tmp_path / "cut.pdf", tmp_path / "list.mp4", long_clip, long_scan, huge, pages / "0.png"]
    restored, report = client.deblur(client.upload(*files))
    assert [entry["status"] for entry in report] == [*["failed"] * 5, "restored"]
    reasons = [entry["reason"] for entry in report]
    assert reasons[1].startswith("list.mp4: damaged, cut off or no clip")
    assert reasons[2].startswith("long.mkv: has 21 frames, more than the 20 that are allowed")
    assert reasons[3].startswith("long.pdf: has more than the 100 pages")
    assert "2,000,000 pixels" in reasons[4]
    assert not any("/" in reason.partition(" (")[0] for reason in reasons)
    assert len(restored) == 1


def test_options_arrive(client: Client, any_model: Path, pages: Path, tmp_path: Path) -> None:
    path = pages / "0.png"
    wanted = ("--strength", 0.5, "--scale", 0.5, "--best", "--format", "jpg", "--quality", 70)
    assert run("deblur", path, "-o", tmp_path, "--model", any_model, *wanted) == 0
    fields = ("auto", 0.5, "0.5", "auto", "", "restore", True, "jpg", 70)
    (data,), _ = client.deblur(client.upload(path), *fields)
    assert data == (tmp_path / "0.jpg").read_bytes()


def test_hostile_files_are_told_and_stop_nothing(client: Client, pages: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<script>alert(1)</script>")
    (tmp_path / "cut.png").write_bytes((pages / "0.png").read_bytes()[:100])
    files = [bomb(tmp_path / "bomb.png"), tmp_path / "page.html", tmp_path / "cut.png", pages / "0.png"]
    restored, report = client.deblur(client.upload(*files))
    assert [entry["status"] for entry in report] == ["failed", "failed", "failed", "restored"]
    assert report[0]["reason"].startswith("bomb.png: more than the 2,000,000 pixels that are allowed")
    assert all(str(tmp_path) not in entry["reason"] and "/" not in entry["source"] for entry in report)
    assert len(restored) == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (("no-such-model",), "no-such-model"),
        (("auto", 7), "7"),
        (("auto", 1, "huge"), "scale is 'huge'"),
        (("auto", 1, "auto", "boxes", "1 2 3"), "is no box"),
        (("auto", 1, "auto", "auto", "", "restore", False, "exe"), "exe"),
    ],
)
def test_what_is_no_wish_is_refused(client: Client, pages: Path, fields: tuple[object, ...], told: str) -> None:
    restored, said = client.deblur(client.upload(pages / "0.png"), *fields)
    assert restored == []
    assert told in str(said)


def test_files_that_were_not_uploaded_are_not_read(client: Client, pages: Path) -> None:
    for path in (str(pages / "0.png"), "/etc/passwd", "http://127.0.0.1/a.png", "https://example.org/a.png"):
        stolen = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
        assert client.deblur(stolen)[0] == [], path


def test_too_large_and_too_many_files_are_refused(client: Client, pages: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(bytes(2_000_001))
    answer = client.post("/upload", files=[("files", (large.name, large.read_bytes()))])
    assert answer.status_code == 413
    assert "2000000" in answer.text
    answer = client.post("/upload", files=[("files", (f"{number}.png", bytes(2_000_000))) for number in range(9)])
    assert answer.status_code == 413
    _, said = client.deblur(client.upload(*[pages / "0.png"] * 9))
    assert "9 files came, and a request may have 8" in str(said)


def test_fifty_at_once(any_model: Path, pages: Path, tmp_path: Path) -> None:
    """Those for whom there is room in the queue get their own picture; the others are told."""
    assert run("deblur", pages, "-o", tmp_path / "out", "--model", any_model) == 0
    expected = [(tmp_path / "out" / f"{number % 6}.png").read_bytes() for number in range(50)]
    with serving(tmp_path / "world", "--model", any_model, "--max-waiting", 10) as server:

        def ask(number: int) -> tuple[list[bytes], object]:
            with Client(server) as client:
                return client.deblur(client.upload(pages / f"{number % 6}.png"))

        with ThreadPoolExecutor(50) as pool:
            answers = [*pool.map(ask, range(50))]
        done = [number for number, (restored, _) in enumerate(answers) if restored]
        assert len(done) >= 10
        assert all(answers[number][0] == [expected[number]] for number in done)
        refused = [said for restored, said in answers if not restored]
        assert all("ueue is full" in str(said) for said in refused), refused
        assert ask(0)[0] == [expected[0]]
        assert server.stop() == 0


def test_nothing_is_left(any_model: Path, pages: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "world", "--model", any_model, "--keep", "2s") as server, Client(server) as client:
        restored, _ = client.deblur(client.upload(pages / "0.png", pages / "1.png"))
        assert len(restored) == 2
        assert len(server.files()) >= 4
        # This client has no session that could be closed: its files go when they are old.
        assert eventually(lambda: server.files() == [])
        client.upload(pages / "2.png")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) == 0
        left = [path for path in server.world.rglob("*") if path.parent != server.world]
        assert left == []


def test_work_for_a_client_that_goes_away_ends_and_leaves_nothing(pages: Path, tmp_path: Path) -> None:
    with Image.open(ROOT / "examples" / "page_blurred.png") as page:
        page.convert("RGB").resize((2400, 2000)).save(tmp_path / "large.png")
    slow = ("auto", 1, "4", "auto", "", "restore", True)
    with (
        ThreadPoolExecutor(1) as pool,
        serving(tmp_path / "world", "--model", "text", "--max-time", "1h") as server,
        Client(server) as client,
    ):
        with client.asking(client.upload(tmp_path / "large.png"), *slow):
            assert eventually(server.is_working)
            assert server.files() != []
        assert eventually(lambda: server.files() == [])
        # Another has its turn, and not after the many minutes that this one would take.
        asked = pool.submit(client.deblur, client.upload(pages / "0.png"))
        assert eventually(asked.done), "the work goes on"
        assert len(asked.result()[0]) == 1


def test_what_a_server_that_is_killed_leaves_goes_with_the_next_start(
    any_model: Path, pages: Path, tmp_path: Path
) -> None:
    world = tmp_path / "world"
    with serving(world, "--model", any_model) as server, Client(server) as client:
        client.upload(pages / "0.png")
        server.process.kill()
        server.process.wait()
        assert server.files() != []
    with serving(world, "--model", any_model) as server:
        assert server.files() == []


def test_a_second_server_on_the_port_is_refused(server: Server) -> None:
    port = server.address.rpartition(":")[2]
    again = subprocess.run(
        [sys.executable, "-m", "udsd", "serve", "--port", port], capture_output=True, text=True, check=False
    )
    assert again.returncode == 2
    assert again.stderr.startswith(f"udsd: cannot listen on port {port} of 127.0.0.1: Address already in use")


def test_only_this_machine_reaches_it(server: Server) -> None:
    assert server.address.startswith("http://127.0.0.1:")


def blocks_of(document: Path, language: str) -> list[str]:
    """The blocks of code in a document."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", document.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [block for of, block in found if of == language]


def test_the_documented_programs_work(server: Server, pages: Path, tmp_path: Path) -> None:
    document = ROOT / "docs" / "serve.md"
    (program,) = blocks_of(document, "python")
    (commands,) = (block for block in blocks_of(document, "sh") if "curl" in block)
    for name in ("scan.png", "group.jpg"):
        with Image.open(pages / "0.png") as page:
            page.save(tmp_path / name)
    told = "\nprint(*(entry['status'] for entry in report), *(file.rpartition('/')[2] for file in files))"
    here = program.replace("http://127.0.0.1:7860", server.address) + told
    assert here != program + told
    env = {**os.environ, "TMPDIR": str(tmp_path)}  # where the client puts what it downloads
    program_said = subprocess.run(
        [sys.executable, "-c", here], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    ).stdout
    assert program_said.splitlines()[-1] == "restored restored scan_restored.png group_restored.jpg"
    if shutil.which("curl") is None:
        return
    here = commands.replace("http://127.0.0.1:7860", server.address)
    said = subprocess.run(["sh", "-c", here], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    event, ((file,), report) = last_event(said)
    assert event == "complete"
    assert file["url"].endswith("scan_restored.png")
    assert report[0]["status"] == "restored"


def test_the_space_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = ROOT / "examples" / "space"
    _, head, _ = (folder / "README.md").read_text("utf-8").split("---\n", 2)
    card = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    constraints = (ROOT / "constraints-demo.txt").read_text("utf-8")
    assert card["sdk"] == "gradio"
    assert f"gradio=={card['sdk_version']}\n" in constraints
    assert "udsd[demo,pdf,video] @ " in (folder / "requirements.txt").read_text("utf-8")
    monkeypatch.setenv("GRADIO_SERVER_NAME", "127.0.0.1")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "0")
    with serving(tmp_path / "world", command=(str(folder / card["app_file"]),)) as server:
        with Client(server) as client:
            assert "At most 5 files of 20 MB: pictures of at most 12 megapixels" in json.dumps(client.config())
        assert server.stop() == 0
