from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run
from tests.pictures import pages_of_tiff

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs a shell, /dev/full and signals")


def udsd(model: Path, *arguments: object, shell: str = "", standard_input: bytes = b"") -> Any:
    """``udsd deblur`` in a process of its own, with redirections and pipes of the shell."""
    command = [sys.executable, "-m", "udsd", "deblur", *map(str, arguments), "--model", str(model), "--device", "cpu"]
    return subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *command],
        input=standard_input,
        capture_output=True,
        check=False,
    )


def restored_as_file(source: Path, target: Path, model: Path, *options: str) -> bytes:
    assert run("deblur", source, "-o", target, "--model", model, "--device", "cpu", "-q", *options) == 0
    return target.read_bytes()


@needs_posix
def test_a_pipe_gives_the_bytes_of_a_file(scan: Path, model_folder: Path, tmp_path: Path) -> None:
    expected = restored_as_file(scan, tmp_path / "file.png", model_folder)
    done = udsd(model_folder, "-", "-o", "-", shell="| cat", standard_input=scan.read_bytes())
    assert (done.returncode, done.stdout) == (0, expected)
    assert done.stderr.decode() == f"1 restored (by {model_folder}): -\n"


@needs_posix
def test_the_format_is_that_of_the_content_or_the_one_that_is_named(model_folder: Path, tmp_path: Path) -> None:
    source = pages_of_tiff(tmp_path)
    pages = udsd(model_folder, "-", "-q", standard_input=source.read_bytes())  # without -o to standard output
    assert (pages.returncode, pages.stderr) == (0, b"")
    assert pages.stdout == restored_as_file(source, tmp_path / "file.tif", model_folder)
    named = udsd(model_folder, source, "-o", "-", "-q", "--format", "gif")
    assert (named.returncode, named.stderr) == (0, b"")
    assert named.stdout == restored_as_file(source, tmp_path / "file.gif", model_folder)


def through_this_process(monkeypatch: pytest.MonkeyPatch, content: Path, *arguments: object) -> int:
    with content.open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        return run("deblur", "-", *arguments)


def test_from_standard_input_to_a_file(
    scan: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", model_folder, "--report", tmp_path / "report.json", "--json"]
    assert through_this_process(monkeypatch, scan, "-o", tmp_path / "out.jpg", *options) == 0
    assert (tmp_path / "out.jpg").read_bytes()[:2] == b"\xff\xd8"
    (told,) = json.loads((tmp_path / "report.json").read_text())["files"]
    assert (told["source"], told["target"]) == ("-", str(tmp_path / "out.jpg"))
    assert json.loads(capsys.readouterr().out) == told


def test_a_file_may_be_called_as_what_is_not_there(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "None.png").write_bytes(b"no image")
    assert run("deblur", tmp_path / "None.png", "-o", tmp_path / "out", "-q", "--model", model_folder) == 2
    assert capsys.readouterr().err.startswith(f"udsd: {tmp_path / 'None.png'}: not an image")


@needs_posix
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "standard input: is empty; give the bytes of an image file"),
        (b"hello\n", "standard input: not an image that can be read here"),
        (b"%PDF-1.4\n", "standard input: damaged"),
    ],
)
def test_what_is_no_image_is_one_error(
    content: bytes,
    message: str,
    model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "content").write_bytes(content)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert through_this_process(monkeypatch, tmp_path / "content", "-o", "-", "-q", "--model", model_folder) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"udsd: {message}")
    assert said.err.count("\n") == 1
    assert str(tmp_path) not in said.err
    assert list((tmp_path / "temporary").iterdir()) == []


@needs_posix
def test_a_cut_image_is_one_error(
    scan: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cut").write_bytes(scan.read_bytes()[:300])
    assert through_this_process(monkeypatch, tmp_path / "cut", "-o", "-", "-q", "--model", model_folder) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("udsd: standard input: damaged or cut off (")
    assert said.err.count("\n") == 1


@needs_posix
def test_what_does_not_end_is_given_up(model_folder: Path) -> None:
    command = [sys.executable, "-m", "udsd", "deblur", "-", "-o", "-", "--max-pixels", "100000"]
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as endless:
        done = subprocess.run(command, stdin=endless.stdout, capture_output=True, check=False)
        endless.kill()
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"udsd: standard input: does not end within 400000 bytes")
    assert done.stderr.count(b"\n") == 1


@needs_posix
def test_a_pipe_that_nobody_reads_ends_quietly(scan: Path, model_folder: Path) -> None:
    done = udsd(model_folder, scan, "-o", "-", "-q", shell="| true; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == (b"141\n", b"")


@needs_posix
@pytest.mark.parametrize(
    ("shell", "message"),
    [
        (">/dev/full", b"udsd: standard output cannot be written (No space left on device)"),
        (">&-", b"udsd: - stands for a standard stream that is closed; name a file\n"),
        ("<&-", b"udsd: - stands for a standard stream that is closed; name a file\n"),
    ],
)
def test_streams_that_are_full_or_closed(shell: str, message: bytes, scan: Path, model_folder: Path) -> None:
    done = udsd(model_folder, "-", "-o", "-", shell=shell, standard_input=scan.read_bytes())
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-", "a.png", "-o", "out"], "is one file, and goes alone"),
        (["-", "-o", "out/"], "standard input has no name"),
        (["-", "-o", "restored"], "could be called in restored; name a file with -o"),
        (["-", "-o", "restored.v2"], "standard input has no name"),
        (["a.png", "b.png", "-o", "-"], "takes one file"),
        (["a.png", "-o", "-", "--json"], "would both print on standard output"),
        ([".", "-o", "-"], "takes one file"),
    ],
)
def test_what_goes_with_no_pipe(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("deblur", *arguments) == 2
    assert message in capsys.readouterr().err
