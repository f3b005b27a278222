from __future__ import annotations

import argparse
import inspect
import shlex
import subprocess
import sys
from collections.abc import Callable

import pytest

from udsd import __version__
from udsd.cli import main as run_udsd
from udsd.cli.help import NORMAL, QUIET, VERBOSE
from udsd.cli.help_texts import COMMANDS as COMMAND_TEXTS
from udsd.cli.help_texts import TRAIN_COMMANDS, UDSD
from udsd.cli.lazy import find_function
from udsd.cli.parser import make_parser
from udsd.cli.train import main as train_main
from udsd.cli.train_parser import parse as parse_train
from udsd.degradation import BlurConfig, DocumentConfig

COMMANDS = {
    "commands:deblur": "deblur a.png -o b",
    "commands:compare": "compare a.png -o b.png",
    "serve:run": "serve",
    "evaluate:run": "evaluate sharp/ -o report/",
    "commands:export": "export text -o folder --format onnx",
    "commands:list_models": "models",
    "hub:download": "download text",
    "hub:list_cache": "cache",
    "hub:publish": "publish folder/ org/repo",
    "completion:print_completion": "completion bash",
}


@pytest.mark.parametrize(("name", "line"), COMMANDS.items())
def test_every_command_leads_to_a_function(name: str, line: str) -> None:
    options = make_parser().parse_args(line.split())
    assert options.run == name
    assert list(inspect.signature(find_function(name)).parameters) == ["options"]


def udsd(arguments: list[str]) -> argparse.Namespace:
    return make_parser().parse_args(arguments)


PARSERS = {"udsd": udsd, "udsd-train": parse_train}
EXAMPLES = [example for text in (UDSD, *COMMAND_TEXTS.values(), *TRAIN_COMMANDS.values()) for example in text.examples]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_of_the_help_are_right(example: str) -> None:
    program, *arguments = shlex.split(example.partition(" > ")[0].rpartition(" | ")[2])
    if "--help" in arguments:
        with pytest.raises(SystemExit) as stop:
            PARSERS[program](arguments)
        assert not stop.value.code
    else:
        assert ":" in PARSERS[program](arguments).run


@pytest.mark.parametrize(
    ("main", "command"),
    [(run_udsd, name) for name in ("", *COMMAND_TEXTS)] + [(train_main, name) for name in ("", *TRAIN_COMMANDS)],
)
def test_every_command_has_help_with_examples_and_tells_the_version(
    main: Callable[[list[str]], int], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [command] if command else []
    with pytest.raises(SystemExit) as stop:
        main([*given, "--help"])
    text = capsys.readouterr().out
    assert not stop.value.code
    usage, description, *_ = text.split("\n\n")
    assert usage.startswith("usage: udsd")
    assert description.endswith(".")
    assert "\nexamples:\n  udsd" in text
    with pytest.raises(SystemExit) as stop:
        main([*given, "--version"])
    assert not stop.value.code
    assert capsys.readouterr().out.split() == ["udsd-train" if main is train_main else "udsd", __version__]


@pytest.mark.parametrize(
    ("line", "verbosity"),
    [
        ("models", NORMAL),
        ("-v models", VERBOSE),
        ("models -v", VERBOSE),
        ("models --quiet", QUIET),
        ("-q deblur a.png", QUIET),
        ("deblur a.png -q", QUIET),
        ("-q deblur -v a.png", VERBOSE),
    ],
)
def test_how_much_is_said_stands_before_or_behind_the_command(line: str, verbosity: str) -> None:
    assert make_parser().parse_args(line.split()).verbosity == verbosity


def test_nobody_is_quiet_and_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args(["models", "-q", "-v"])
    assert "-v/--verbose: not allowed with argument -q/--quiet" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["deblur a.png", "compare a.png -o b.png", "watch a -o b"])
def test_nothing_is_done_fast_and_best(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args([*command.split(), "--fast", "--best"])
    assert "--best: not allowed with argument --fast" in capsys.readouterr().err


def range_of(low: float, high: float) -> str:
    return f"(default: {low:g} {high:g})"


def test_help_names_the_true_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    """The parsers name them in words: to ask for them would import PyTorch."""
    with pytest.raises(SystemExit):
        make_parser().parse_args(["evaluate", "--help"])
    blur, text = BlurConfig(), " ".join(capsys.readouterr().out.split())
    assert f"camera paths in pixels {range_of(*blur.path_length)}" in text
    assert f"levels of 255 {range_of(*blur.noise)}" in text
    with pytest.raises(SystemExit):
        train_main(["prepare-pages", "--help"])
    pages, text = DocumentConfig(), " ".join(capsys.readouterr().out.split())
    assert range_of(*pages.dpi) in text
    assert f"(default: {pages.pages_per_document})" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["udsd.cli", "--help"],
        ["udsd.cli", "--version"],
        ["udsd.cli", "deblur"],
        ["udsd.cli", "nonesuch"],
        ["udsd.cli.train", "--help"],
        ["udsd.cli.train", "--version"],
        ["udsd.cli.train", "--nonesuch"],
    ],
)
def test_help_and_errors_of_usage_import_nothing_heavy(arguments: list[str]) -> None:
    module, *given = arguments
    check = f"""
import sys
from {module} import main
try:
    main({given})
except SystemExit:
    print([name for name in ("torch", "numpy", "PIL", "tqdm", "huggingface_hub") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
