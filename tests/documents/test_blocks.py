from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.documents.blocks import ROOT, RUN, SHOWN, Block, all_blocks, blocks_of
from tests.documents.running import expected_output, run_block
from tests.documents.sample_files import make_samples
from udsd.cli.parser import make_parser
from udsd.cli.train_parser import parser_of_all

BLOCKS = all_blocks()
SLOW_TOO = os.environ.get("UDSD_COMMANDS") == "all"


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    make_samples(folder)
    return folder


def test_of_each_block_it_is_known_whether_it_is_run() -> None:
    """Another language, or a comment that is misspelt, would leave a block out of the test below without a word."""
    assert [str(block) for block in BLOCKS if block.language not in RUN + SHOWN] == []
    assert [(str(block), block.unknown_comments()) for block in BLOCKS if block.unknown_comments()] == []
    assert [str(block) for block in BLOCKS if block.comments and block.language not in RUN] == []
    assert len([block for block in BLOCKS if block.language in RUN and not block.why_not]) > 15


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in RUN and not block.why_not], ids=str)
def test_what_is_told_works(block: Block, samples: Path, tmp_path: Path) -> None:
    if block.is_slow and not SLOW_TOO:
        pytest.skip("slow: make commands")
    if "--ocr" in block.to_run and shutil.which("tesseract") is None:
        pytest.skip("needs tesseract")
    folder = tmp_path / "reader"
    shutil.copytree(samples, folder, symlinks=True)
    output = run_block(block, folder)
    if block.language == "console":
        assert expected_output(block).fullmatch(output), output


def test_options_that_are_named_in_the_text_exist() -> None:
    """Of `udsd deblur --max-growth 1.2` and the like within sentences and tables."""
    parsers = {"udsd": make_parser(), "udsd-train": parser_of_all()}
    named = 0
    for document in {block.document for block in BLOCKS}:
        text = re.sub(r"^```.*?^```", "", (ROOT / document).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for code in re.findall(r"`(udsd(?:-train)? [^`]+)`", text):
            words = shlex.split(code, comments=True)
            known = options_of(parsers[words[0]], words)
            options = {word.partition("=")[0] for word in words if word.startswith("-")}
            assert options <= known, f"{document}: {code}"
            named += len(options)
    assert named > 5


def options_of(parser: argparse.ArgumentParser, words: list[str]) -> set[str]:
    """Those of a program, and of its command if one is among the words."""
    options = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            options |= {
                name for word in words for name in getattr(action.choices.get(word), "_option_string_actions", ())
            }
    return options


@pytest.mark.parametrize(
    ("text", "language", "comments"),
    [
        ("<!-- slow: trains -->\n```sh\nudsd\n```\n", "sh", ("slow: trains",)),
        ("<!-- not run: a reason -->\n\n```sh\nudsd\n```\n", "sh", ()),
        ("````text\nudsd\n````\n", "text", ()),
        ("```\nudsd\n```\n", "", ()),
    ],
)
def test_comments_count_right_before_a_block(
    text: str, language: str, comments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.documents.blocks.ROOT", tmp_path)
    (tmp_path / "page.md").write_text(text)
    (block,) = blocks_of(tmp_path / "page.md")
    assert (block.language, block.comments, block.text) == (language, comments, "udsd\n")


def test_what_is_replaced_must_be_there() -> None:
    block = Block("page.md", 1, "sh", "udsd --budget 8min\n", ('run with "20s" in place of "8min"',))
    assert block.to_run == "udsd --budget 20s\n"
    with pytest.raises(ValueError, match=r"page\.md:1 has no '5min'"):
        _ = Block("page.md", 1, "sh", "udsd\n", ('run with "20s" in place of "5min"',)).to_run


def test_what_a_command_shows_is_compared() -> None:
    block = Block("page.md", 1, "console", "$ udsd deblur box/\n 80%|### | 4/5\n4 restored in 2.5 s\n...\n", ())
    shown = expected_output(block)
    assert shown.fullmatch("12 restored in 3 s\nmore\n")
    assert not shown.fullmatch("12 failed in 3 s\n")


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError, match=r"page\.md:1.*status 3"):
        run_block(Block("page.md", 1, "sh", "true\n(exit 3)\ntrue\n", ()), tmp_path)
