from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from udsd.cli.lazy import find_function
from udsd.cli.parser import make_parser
from udsd.cli.train import main as train_main
from udsd.degradation import BlurConfig, DocumentConfig

COMMANDS = {
    "commands:deblur": "deblur a.png -o b",
    "commands:compare": "compare a.png -o b.png",
    "evaluate:run": "evaluate sharp/ -o report/",
    "commands:export": "export text -o folder --format onnx",
    "commands:list_models": "models",
    "hub:download": "download text",
    "hub:list_cache": "cache",
    "hub:publish": "publish folder/ org/repo",
}


@pytest.mark.parametrize(("name", "line"), COMMANDS.items())
def test_every_command_leads_to_a_function(name: str, line: str) -> None:
    options = make_parser().parse_args(line.split())
    assert options.run == name
    assert list(inspect.signature(find_function(name)).parameters) == ["options"]


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
