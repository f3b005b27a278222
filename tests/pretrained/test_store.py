from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from udsd.pretrained.store import stored_file
from udsd.pretrained.transfer import Announced

REPO = "acme/tiny"


def store(cache: Path, revision: str, commit: str, content: bytes) -> Path:
    def receive(file: BinaryIO) -> None:
        file.write(content)

    said = Announced(commit, commit[:10], "https://hub.example/a", len(content))
    return stored_file(cache, REPO, "config.json", revision, said, receive)


def test_a_branch_that_has_moved_is_remembered_at_its_new_commit(tmp_path: Path) -> None:
    reference = tmp_path / "models--acme--tiny" / "refs" / "main"
    for commit, content in (("a" * 40, b"old"), ("b" * 40, b"new")):
        path = store(tmp_path, "main", commit, content)
        assert reference.read_text() == path.parent.name == commit
        assert path.read_bytes() == content
    assert store(tmp_path, "main", "a" * 40, b"not asked for").read_bytes() == b"old"
    assert reference.read_text() == "a" * 40


def test_a_commit_needs_no_reference(tmp_path: Path) -> None:
    assert store(tmp_path, "c" * 40, "c" * 40, b"content").read_bytes() == b"content"
    assert not (tmp_path / "models--acme--tiny" / "refs").exists()
