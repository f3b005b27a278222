"""What a release shows on an index page."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/org/udsd"


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def metadata_of(hook: ModuleType) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    hook.IndexPage(str(ROOT), {}).update(metadata)
    return metadata


def targets(text: str) -> list[str]:
    return re.findall(r"\]\(([^)]+)\)", text)


def test_of_a_release_all_links_of_the_readme_are_absolute(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UDSD_REPOSITORY", f"{REPOSITORY}.git")
    metadata = metadata_of(hook)
    text, readme = metadata["readme"]["text"], (ROOT / "README.md").read_text()
    assert len(targets(text)) == len(targets(readme)) > 10
    for link, absolute in zip(targets(readme), targets(text), strict=True):
        if not link.startswith("https:"):
            kind = "raw" if link.endswith((".png", ".jpg")) else "blob"
            assert re.fullmatch(rf"{REPOSITORY}/{kind}/v[\d.a-z]+/{re.escape(link)}", absolute)
    assert metadata["urls"]["Repository"] == REPOSITORY
    assert all(address.startswith("https://") for address in metadata["urls"].values())


def test_links_of_the_readme_lead_to_files_of_the_repository() -> None:
    links = [link for link in targets((ROOT / "README.md").read_text()) if not link.startswith("https:")]
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []


def test_without_an_address_nothing_is_made_up(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UDSD_REPOSITORY", raising=False)
    metadata = metadata_of(hook)
    assert metadata["readme"]["text"] == (ROOT / "README.md").read_text()
    assert list(metadata["urls"]) == ["Paper"]


def test_links_elsewhere_and_within_the_page_stay(hook: ModuleType) -> None:
    text = "[a](https://a.example/b) [b](#zoo) [c](mailto:a@b.example) ![d](docs/d.png) [e](docs/e.md#part)"
    assert hook.with_absolute_links(text, REPOSITORY + "/", "v1") == (
        "[a](https://a.example/b) [b](#zoo) [c](mailto:a@b.example) "
        f"![d]({REPOSITORY}/raw/v1/docs/d.png) [e]({REPOSITORY}/blob/v1/docs/e.md#part)"
    )


@pytest.mark.parametrize("address", ["github.com/org/udsd", "http://a.example/udsd", "git@a.example:org/udsd", "x"])
def test_what_is_no_address_is_refused(hook: ModuleType, address: str) -> None:
    with pytest.raises(ValueError, match=r"UDSD_REPOSITORY is .*; give an address such as"):
        hook.project_urls(address)
