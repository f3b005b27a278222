from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import run
from udsd.extras import install_command

COMPLETE = """
source {script}
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_shtab_{function}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def script_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run("completion", *arguments) == 0
    return capsys.readouterr().out


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("udsd de", {"deblur"}),
        ("udsd deblur --strength 1 --skip", {"--skip-existing", "--skip-sharp"}),
        ("udsd deblur --model text", {"text", "text-small"}),
        ("udsd export fa", {"face", "face-small"}),
        ("udsd deblur --faces c", {"center"}),
        ("udsd deblur pict", {"pictures"}),
        ("udsd-train pre", {"prepare-pages"}),
        ("udsd-train export --la", {"--last"}),
        ("udsd-train --sharp pict", {"pictures"}),
    ],
)
def test_bash_completes(words: str, offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = words.split()[0]
    script = tmp_path / "script"
    script.write_text(script_of(capsys, "bash", program))
    (tmp_path / "pictures").mkdir()
    code = COMPLETE.format(script=script, words=words, function=program.replace("-", "_"))
    result = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert set(result.stdout.split()) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell", "tcsh"])
@pytest.mark.parametrize("program", ["udsd", "udsd-train"])
def test_other_shells_get_a_script_of_all_commands(
    shell: str, program: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = script_of(capsys, shell, program)
    for word in ("prepare-pages", "validation") if program == "udsd-train" else ("evaluate", "memory-limit"):
        assert word in script


def test_an_unknown_shell_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run("completion", "cmd")
    assert stop.value.code == 2
    assert "powershell" in capsys.readouterr().err


def test_without_its_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert run("completion", "bash") == 2
    assert capsys.readouterr().err.endswith(f"; run: {install_command('completion')}\n")
