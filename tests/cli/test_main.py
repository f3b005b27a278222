from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import run


@pytest.mark.parametrize(
    "bad",
    ["missing", "text file", "truncated", "empty folder", "unknown model", "wrong device", "damaged weights"],
)
def test_bad_input_gives_status_2_and_one_line(
    bad: str, scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, model, device = scan, str(model_folder), "cpu"
    if bad == "missing":
        source = tmp_path / "missing.png"
    elif bad == "text file":
        source.write_text("no image")
    elif bad == "truncated":
        source.write_bytes(source.read_bytes()[:100])
    elif bad == "empty folder":
        source = tmp_path / "empty"
        source.mkdir()
    elif bad == "unknown model":
        model = "txet"
    elif bad == "wrong device":
        device = "cuda:77"
    else:
        weights = model_folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-10])
    assert run("deblur", source, "-o", tmp_path / "out", "--model", model, "--device", device) == 2
    error = capsys.readouterr().err
    assert error.startswith("udsd: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_reader_that_goes_away_is_no_error(scan: Path, model_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "udsd", "deblur", scan, "-o", tmp_path / "out", "--model", model_folder, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 141


def test_no_command_prints_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run()
    assert stop.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--memory-limit", "much"], "memory_limit is 'much'; give bytes, or text such as '2GB'"),
        (["--format", "docx"], "no image format for a name with the ending '.docx'"),
        (["--report", "{scan}/report.json"], "cannot write the report"),
    ],
)
def test_bad_options_give_status_2(
    scan: Path,
    model_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    given = [option.format(scan=scan) for option in options]
    assert run("deblur", scan, "-o", tmp_path / "out", "--model", model_folder, *given) == 2
    assert message in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP")
@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "3000"), ({"GOMP_SPINCOUNT": "17"}, "17"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0")],
)
def test_threads_that_wait_leave_the_core_to_others(
    given: dict[str, str], expected: str, scan: Path, model_folder: Path, tmp_path: Path
) -> None:
    """OpenMP itself is asked what it has read."""
    known = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    said = subprocess.run(
        [sys.executable, "-m", "udsd", "deblur", scan, "-o", tmp_path / "out", "--model", model_folder, "-v"],
        env={**known, **given, "OMP_DISPLAY_ENV": "VERBOSE"},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert f"GOMP_SPINCOUNT = '{expected}'" in said
