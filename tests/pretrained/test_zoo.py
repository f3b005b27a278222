from __future__ import annotations

from pathlib import Path

import pytest

import udsd
from udsd.errors import WeightsError
from udsd.pretrained import ZooModel, list_models, load_manifest, lookup


def test_all_models_of_the_manifest_are_listed_in_its_order() -> None:
    models = udsd.list_models()
    assert [model.name for model in models] == list(load_manifest().aliases)
    (small,) = [model for model in models if model.name == "text-small"]
    weights = lookup.BUNDLED_MODELS / "text-small" / "model.safetensors"
    assert small == ZooModel(
        name="text-small",
        version="v0.6.0",
        domain="page",
        description="printed pages, camera shake, defocus; narrow, for CPUs",
        licence="Apache-2.0",
        bytes=weights.stat().st_size,
        bundled=True,
    )


@pytest.mark.usefixtures("manifest_file")
def test_what_did_not_come_with_the_package_is_not_bundled() -> None:
    (tiny,) = list_models()
    assert (tiny.name, tiny.domain, tiny.bundled) == ("tiny", None, False)


def test_a_missing_manifest_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UDSD_MANIFEST", str(tmp_path / "missing.json"))
    with pytest.raises(WeightsError, match="cannot read the manifest"):
        list_models()
