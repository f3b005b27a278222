"""The licence of each bundled model stands beside it, in the wheel's metadata and in the manifest, and is told once."""

import logging
import tomllib
from pathlib import Path

import pytest

from udsd.pretrained import lookup, resolve
from udsd.pretrained.lookup import BUNDLED_MODELS
from udsd.pretrained.manifest import ModelEntry, load_manifest

ENTRIES = load_manifest().models
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.alias)
def test_the_licence_stands_beside_the_model(entry: ModelEntry) -> None:
    text = (BUNDLED_MODELS / entry.alias / "LICENSE").read_text()
    name = "Apache License" if entry.licence == "Apache-2.0" else f"SPDX-License-Identifier: {entry.licence}"
    assert name in text


def test_the_metadata_names_every_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["license"].split(" AND ")) == {"Apache-2.0", *(entry.licence for entry in ENTRIES)}
    assert "udsd/pretrained/*/LICENSE" in project["license-files"]


def test_another_licence_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    lookup._tell_licence.cache_clear()
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        folder = resolve("face").path
        resolve("text")
    (record,) = caplog.records
    assert record.getMessage() == (
        f"the model face has a licence of its own, LicenseRef-udsd-research-only: see {folder / 'LICENSE'}"
    )
