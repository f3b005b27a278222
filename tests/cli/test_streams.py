from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from udsd.cli import main
from udsd.cli.arguments import output_path, some_path

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs a shell, /dev/full and signals")


@pytest.fixture
def scans(photo: Image.Image, tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "日本.png"):
        photo.save(folder / name)
    return folder


def deblur(scans: Path, model: Path, *options: str, shell: str = "", **environment: str) -> Any:
    """The command in a process of its own, with redirections of the shell."""
    arguments = [sys.executable, "-m", "udsd", "deblur", str(scans), "-o", str(scans.parent / "out")]
    arguments += ["--model", str(model), "--device", "cpu", *options]
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {shell}', "sh", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def results(scans: Path) -> set[str]:
    out = scans.parent / "out"
    return {path.name for path in out.iterdir()} if out.exists() else set()


@needs_posix
@pytest.mark.parametrize("shell", ["2>&-", ">&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_closed_streams_stop_nothing(scans: Path, model_folder: Path, shell: str) -> None:
    (scans / "bad.png").write_bytes(b"no image")
    assert deblur(scans, model_folder, shell=shell).returncode == 1
    assert results(scans) == {"a.png", "日本.png"}
    for path in (scans.parent / "out").iterdir():
        with Image.open(path) as image:
            image.load()


@needs_posix
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_standard_output_stops_nothing_and_is_told(scans: Path, model_folder: Path, options: list[str]) -> None:
    done = deblur(scans, model_folder, *options, shell=">/dev/full")
    assert done.returncode == 1
    assert results(scans) == {"a.png", "日本.png"}
    assert done.stderr.count("\n") == 1
    assert "standard output cannot be written (No space left on device)" in done.stderr


@needs_posix
@pytest.mark.parametrize("arguments", [["models"], ["--help"]])
def test_other_commands_into_a_full_standard_output(arguments: list[str]) -> None:
    command = ["sh", "-c", 'exec "$@" >/dev/full', "sh", sys.executable, "-m", "udsd", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@needs_posix
@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_names_that_the_code_page_lacks(scans: Path, model_folder: Path, environment: dict[str, str]) -> None:
    source, target = scans / "日本.png", scans.parent / "本日.png"
    command = [sys.executable, "-m", "udsd", "compare", source, "-o", target, "--model", model_folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert target.exists()


def test_no_standard_streams_at_all(scans: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pythonw starts a program."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["deblur", str(scans), "-o", str(scans.parent / "out"), "--model", str(model_folder)]) == 0
    assert results(scans) == {"a.png", "日本.png"}


@pytest.mark.parametrize("argument", [some_path, output_path])
def test_an_empty_path_is_no_path(argument: Any) -> None:
    assert argument("a/b") == Path("a/b")
    with pytest.raises(Exception, match="the name is empty"):
        argument("")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["deblur", "", "-o", "out"], "argument INPUT: the name is empty"),
        (["deblur", "a.png", "-o", ""], "argument -o/--output: the name is empty"),
        (["compare", "a.png", "-o", "-"], "standard output is not supported"),
        (["evaluate", "", "-o", "out"], "argument SHARP: the name is empty"),
        (["deblur", "a.png", "-o", "out", "--report", ""], "argument --report: the name is empty"),
    ],
)
def test_what_can_only_be_a_mistake(
    command: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(command)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@needs_posix
@pytest.mark.parametrize(
    "module", ["argparse", "logging", "udsd.cli.parser", "torch", "cv2", "PIL.Image", "safetensors"]
)
@pytest.mark.parametrize("times", [1, 2])
def test_interrupting_the_start_leaves_no_traceback(
    scans: Path, model_folder: Path, tmp_path: Path, module: str, times: int
) -> None:
    """Ctrl-C when a module is imported: one that the standard library, the command or the work needs."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "interrupting.py").write_text(
        "import importlib.abc, os, signal, sys\n"
        "class Finder(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == os.environ['INTERRUPT_AT'] and 'udsd.cli' in sys.modules:\n"
        "            for _ in range(int(os.environ['INTERRUPTS'])):\n"
        "                signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from udsd.cli import main\n"
        "sys.exit(main())\n"
    )
    command = [sys.executable, tmp_path / "site" / "interrupting.py", "deblur", scans, "-o", tmp_path / "out"]
    environment = {**os.environ, "INTERRUPT_AT": module, "INTERRUPTS": str(times)}
    done = subprocess.run(
        [*command, "--model", model_folder], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode in (0, 130)  # 0 if Python itself had imported it before
    assert "Traceback" not in done.stderr
    if done.returncode == 130:
        assert done.stderr.strip() == "0 done; run again to go on"


@needs_posix
def test_interrupting_the_work_says_how_much_is_done(scans: Path, model_folder: Path, photo: Image.Image) -> None:
    for index in range(300):
        photo.save(scans / f"{index}.png")
    report = scans.parent / "report.json"
    command = [sys.executable, "-m", "udsd", "deblur", scans, "-o", scans.parent / "out", "--model", model_folder]
    process = subprocess.Popen([*command, "--report", report], stderr=subprocess.PIPE, text=True)
    while len(results(scans)) < 3 and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    there = sum(not name.startswith(".") for name in results(scans))
    assert process.returncode == 130
    assert error.strip() == f"{there} done; run again to go on"
    assert f'"restored": {there}' in report.read_text()


def test_libraries_in_c_say_nothing_of_their_own(model_folder: Path, tmp_path: Path) -> None:
    """libtiff and OpenCV complain of a damaged file on standard error; one line of ours says it."""
    path = tmp_path / "a.tif"
    # Always the same noise: with some the damage is too small to be noticed.
    noise = np.random.default_rng(0).integers(0, 256, (48, 64), dtype=np.uint8)
    Image.fromarray(noise).save(path, compression="tiff_adobe_deflate")
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 40):
        content[place] ^= 255
    path.write_bytes(content)
    command = [sys.executable, "-m", "udsd", "deblur", path, "-o", tmp_path / "out", "--model", model_folder]
    environment = {name: value for name, value in os.environ.items() if name != "OPENCV_LOG_LEVEL"}
    quiet = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert quiet.returncode == 2
    assert quiet.stderr.count("\n") == 1
    assert quiet.stderr.startswith(f"udsd: {path}: damaged or cut off")
    command.insert(3, "-v")
    told = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert told.stderr.count("\n") > 1
