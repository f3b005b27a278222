from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from PIL import Image

from tests.commands import run
from tests.files.pdf.making import jpeg, make
from tests.pictures import opened
from udsd.cli.commands import domain_options, restore_keywords
from udsd.cli.parser import make_parser
from udsd.images import limits


def test_deblur(scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("deblur", scan, "-o", tmp_path / "out", "--model", model_folder, "--device", "cpu") == 0
    assert opened(tmp_path / "out" / "scan.png").size == (45, 37)
    assert capsys.readouterr().out == f"1 restored (by {model_folder}): {tmp_path / 'out' / 'scan.png'}\n"


@pytest.mark.parametrize("command", ["deblur", "compare"])
@pytest.mark.parametrize(
    ("options", "quality"), [("", "normal"), ("--fast", "fast"), ("--best", "best"), ("--strength 0.5", "normal")]
)
def test_how_much_time_a_result_is_worth_is_given_on(command: str, options: str, quality: str) -> None:
    arguments = make_parser().parse_args([command, "a.png", "-o", "b.png", *options.split()])
    assert domain_options(arguments)[0].quality == quality


@pytest.mark.parametrize("options", ["", "--fast", "--best"])
def test_the_quality_of_files_is_another_one(options: str) -> None:
    for given, wanted in ((["--quality", "80"], 80), ([], None)):
        arguments = make_parser().parse_args(["deblur", "a.png", "-o", "b", *given, *options.split()])
        assert restore_keywords(arguments)["quality"] == wanted


@pytest.mark.parametrize("limit", ["--max-pixels", "--max-pages"])
def test_limits_on_work_are_raised_by_options(
    limit: str, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    monkeypatch.setattr(limits, "_pages", 1000)
    first, *others = [Image.new("L", (20, 10), level) for level in (1, 2, 3)]
    first.save(tmp_path / "a.tif", save_all=True, append_images=others)
    arguments = ("deblur", tmp_path / "a.tif", "-o", tmp_path / "out", "--model", model_folder, limit)
    too_few = 2 if limit == "--max-pages" else 199
    assert run(*arguments, too_few) == 2
    assert f"more than the {too_few} p" in capsys.readouterr().err
    assert run(*arguments, too_few + 1) == 0


def test_quiet_says_nothing_but_errors_and_results(
    scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: object) -> tuple[str, str]:
        run("-q", *arguments, "--model", model_folder)
        return capsys.readouterr()

    assert said("deblur", scan, "-o", tmp_path / "out") == ("", "")
    assert said("compare", scan, "-o", tmp_path / "both.png") == ("", "")
    assert said("deblur", tmp_path / "missing.png", "-o", tmp_path / "out")[1].startswith("udsd: ")
    assert said("deblur", scan, "-o", tmp_path / "out", "--json")[0].startswith("{")


@pytest.mark.parametrize(("option", "is_warned"), [([], True), (["--quiet"], False)])
def test_quiet_keeps_warnings_back(option: list[str], is_warned: bool, model_folder: Path, tmp_path: Path) -> None:
    pages = tmp_path / "pages.tif"
    Image.new("L", (20, 10)).save(pages, save_all=True, append_images=[Image.new("L", (20, 10))])
    # In a process of its own: pytest takes what is logged.
    command = [sys.executable, "-m", "udsd", "compare", pages, "-o", tmp_path / "both.png", "--model", model_folder]
    done = subprocess.run([*command, *option], capture_output=True, text=True, check=True)
    assert (bool(done.stdout), "has 2 pages" in done.stderr) == (is_warned, is_warned)


def test_a_bad_file_among_good_ones_gives_status_1(
    scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    assert run("deblur", scan, bad, "-o", tmp_path / "out", "--model", model_folder) == 1
    printed = capsys.readouterr()
    assert printed.out == f"1 restored, 1 failed (by {model_folder}): {tmp_path / 'out' / 'scan.png'}\n"
    assert printed.err.count("\n") == 1
    assert "bad.png" in printed.err


def test_compare(scan: Path, model_folder: Path, tmp_path: Path) -> None:
    assert run("compare", scan, "-o", tmp_path / "both.png", "--model", model_folder) == 0
    assert opened(tmp_path / "both.png").width > 90


def test_models_lists_the_zoo(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["name", "width"]
    assert [line.split()[0] for line in lines[1:]] == ["face", "face-small", "plate", "text", "text-small"]


def test_results_for_machines(
    scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    out, report = tmp_path / "out", tmp_path / "reports" / "report.json"
    options = ["--suffix", "_sharp", "--format", "jpg", "--json", "--report", report, "--memory-limit", "1GB"]
    assert run("deblur", scan, bad, "-o", out, "--model", model_folder, *options) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["status"], line["target"]) for line in lines] == [
        ("restored", str(out / "scan_sharp.jpg")),
        ("failed", str(out / "bad_sharp.jpg")),
    ]
    assert json.loads(report.read_text())["files"] == lines
    assert opened(out / "scan_sharp.jpg").format == "JPEG"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--strength", "2", "strength is 2.0; give a number from 0 to 1"),
        ("--scale", "large", "scale is 'large'; give 'auto' or 'off' or 0.125 to 8"),
        ("--scale", "0", "scale is 0.0"),
        ("--min-face", "-1", "min_face is -1.0"),
        ("--faces", "missing.json", "missing.json: the boxes of faces cannot be read"),
    ],
)
def test_options_out_of_range_are_told_before_the_work(
    option: str, value: str, message: str, scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("deblur", scan, "-o", tmp_path / "out", "--model", "text-small", option, value) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_strength_0_gives_the_picture_back(scan: Path, tmp_path: Path) -> None:
    assert run("deblur", scan, "-o", tmp_path / "out", "--model", "text-small", "--strength", "0") == 0
    assert np.array_equal(np.asarray(opened(tmp_path / "out" / "scan.png")), np.asarray(opened(scan)))


def test_a_single_file_needs_no_output(
    scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, name in (
        ((), "scan_restored.png"),
        (("--suffix", "_sharp"), "scan_sharp.png"),
        (("--format", "jpg"), "scan_restored.jpg"),
        (("--compare",), "scan_compared.png"),
    ):
        assert run("deblur", scan, "--model", model_folder, *options) == 0
        assert opened(tmp_path / name).width >= 45
        assert capsys.readouterr().out.endswith(f": {tmp_path / name}\n")
    assert run("deblur", scan, "--model", model_folder) == 0
    assert "1 kept that were there" in capsys.readouterr().out


def test_several_files_and_folders_need_one(
    scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for inputs in ([scan, scan], [tmp_path], [tmp_path / "*.png"]):
        assert run("deblur", *inputs, "--model", "no/model") == 2
        assert "name a folder with -o" in capsys.readouterr().err
    odd = scan.rename(tmp_path / "scan.dat")
    assert run("deblur", odd, "--model", model_folder) == 2
    assert "'.dat'" in capsys.readouterr().err
    assert not (tmp_path / "scan_restored.dat").exists()


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("x.png", ["{scan}"], "x.png names a file, for a single input"),
        ("x.png", ["--format", "jpeg"], "x.png is no name of the format 'jpeg'"),
        ("x.png", ["--suffix", "_s"], "leave the suffix '_s' out"),
        ("scan.png/", [], "scan.png is no folder"),
    ],
)
def test_what_cannot_be_is_refused_before_the_model_is_looked_for(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, options: list[str], message: str
) -> None:
    other = tmp_path / "other.png"
    other.write_bytes(scan.read_bytes())
    more = [option.format(scan=other) for option in options]
    assert run("deblur", scan, *more, "-o", f"{tmp_path}/{output}", "--model", "no/model") == 2
    assert message in capsys.readouterr().err


def test_results_in_a_folder_are_told_by_the_folder(
    scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.png").write_bytes(scan.read_bytes())
    given = ("deblur", scan, tmp_path / "other.png", "-o", f"{tmp_path}/results.v2/", "--model", model_folder)
    assert run(*given) == 0
    assert capsys.readouterr().out == f"2 restored (by {model_folder}): {tmp_path}/results.v2/\n"
    assert run(*given) == 0
    assert capsys.readouterr().out == (
        f"0 restored, 2 kept that were there (--overwrite restores them again): {tmp_path}/results.v2/\n"
    )


def test_a_page_is_not_served_for_a_model_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gradio")
    assert run("serve", "--model", "texxt", "--port", "0") == 2
    assert "unknown model 'texxt' (did you mean 'text'?)" in capsys.readouterr().err


def test_compare_opens_what_is_encrypted(
    scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = pikepdf.Encryption(owner="theirs", user="ours", R=6)
    page = make(tmp_path / "scan.pdf", [jpeg(np.asarray(opened(scan)))], encryption=lock)
    both = tmp_path / "both.png"
    assert run("compare", page, "-o", both, "--model", model_folder) == 2
    assert "it is encrypted; give its password with --password" in capsys.readouterr().err
    assert run("compare", page, "-o", both, "--model", model_folder, "--password", "ours") == 0
    assert opened(both).width > 90


def test_compare_keeps_what_is_there(
    scan: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = tmp_path / "both.png"
    assert run("compare", scan, "-o", both, "--model", model_folder) == 0
    both.write_bytes(b"kept")
    for options in ([], ["--skip-existing"]):
        assert run("compare", scan, "-o", both, "--model", "no/model", *options) == 0
        assert "both.png is there already and is kept" in capsys.readouterr().out
        assert both.read_bytes() == b"kept"
    assert run("compare", scan, "-o", both, "--model", model_folder, "--overwrite") == 0
    assert opened(both).width > 90
    assert run("compare", scan, "-o", f"{tmp_path}/pictures/", "--model", model_folder) == 0
    assert opened(tmp_path / "pictures" / "scan.png").width > 90


def test_files_from_a_list_and_a_share_of_them(
    scan: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("scan.png\n")
    command = ["deblur", "-o", "out", "--model", model_folder, "--device", "cpu"]
    assert run(*command, "--files-from", "list.txt", "--shard", "1/2") == 0
    assert run(*command, "--files-from", "list.txt", "--shard", "2/2") == 0
    with (tmp_path / "list.txt").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert run(*command, "--files-from", "-") == 0
    told = [line.partition(" (")[0] for line in capsys.readouterr().out.splitlines()]
    assert sorted(told[:2]) == ["0 restored", "1 restored"]
    assert told[2].startswith("0 restored, 1 kept")
    assert (tmp_path / "out" / "scan.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--files-from", "missing.txt", "-o", "out"], "the list missing.txt cannot be read"),
        (["--files-from", "missing.txt"], "where shall the results go?"),
        (["missing.png"], "missing.png: no such file; check the path"),
        (["*.png"], "where shall the results go?"),
        (["--files-from", "missing.txt", "-o", "-"], "takes one file"),
        ([".", "-o", "out", "--shard", "9/8"], "the shard is 9; give a whole number from 1 to 8"),
    ],
)
def test_inputs_that_are_none(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("deblur", *arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "out"], "one of the arguments INPUT --files-from is required"),
        (["a.png", "--files-from", "list.txt", "-o", "out"], "not allowed with argument"),
    ],
)
def test_inputs_come_in_one_way(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("deblur", *arguments)
    assert message in capsys.readouterr().err
