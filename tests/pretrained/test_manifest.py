"""The manifest: where it is found, and what it must hold."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from udsd.errors import ConfigError, UnknownModelError, WeightsError
from udsd.pretrained import ModelEntry, load_manifest, load_model_folder, lookup, manifest


def write(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"format_version": 1, "models": list(entries)}))
    return path


def test_entry_is_read(manifest_file: Path, entry_values: dict[str, Any]) -> None:
    zoo = load_manifest()
    assert zoo.aliases == ("tiny",)
    entry = zoo.get("tiny")
    assert {name: getattr(entry, name) for name in entry_values} == entry_values
    assert hash(entry) == hash(ModelEntry.from_dict(entry_values))


def test_order_of_resolution(
    tmp_path: Path, entry_values: dict[str, Any], manifest_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "root" / "udsd"
    package.mkdir(parents=True)
    monkeypatch.setattr(manifest, "_PACKAGE", package)
    for place, alias in ((package.parent, "root"), (package, "packaged")):
        write(place / "weights_manifest.json", {**entry_values, "alias": alias})
    given = write(tmp_path / "given.json", {**entry_values, "alias": "given"})

    assert load_manifest(given).aliases == ("given",)
    assert load_manifest().aliases == ("tiny",)
    monkeypatch.delenv("UDSD_MANIFEST")
    assert load_manifest().aliases == ("packaged",)
    (package / "weights_manifest.json").unlink()
    assert load_manifest().aliases == ("root",)
    (package.parent / "weights_manifest.json").unlink()
    with pytest.raises(WeightsError, match=r"cannot read the manifest .*root.weights_manifest\.json"):
        load_manifest()


def test_variable_that_names_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UDSD_MANIFEST", str(tmp_path / "none.json"))
    with pytest.raises(WeightsError, match=r"none\.json .*check UDSD_MANIFEST"):
        load_manifest()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("alias", "../escape"),
        ("alias", "Text"),
        ("alias", ""),
        ("description", " "),
        ("description", "two\nlines"),
        ("repo", "text"),
        ("repo", "a/b/c"),
        ("revision", "main"),
        ("revision", None),
        ("sha256", "0" * 63),
        ("sha256", "A" * 64),
        ("bytes", 0),
        ("bytes", 1.0),
        ("bytes", True),
        ("licence", 3),
        ("base_width", "32"),
        ("scores", []),
        ("scores", {"psnr": "high"}),
        ("scores", {"psnr": float("nan")}),
    ],
)
def test_bad_value_is_named(tmp_path: Path, entry_values: dict[str, Any], key: str, value: object) -> None:
    path = write(tmp_path / "m.json", entry_values, {**entry_values, "alias": "second", key: value})
    with pytest.raises(ConfigError, match=rf"models\[1\]: {key}"):
        load_manifest(path)


@pytest.mark.parametrize("key", sorted(ModelEntry.__dataclass_fields__.keys() - {"kind"}))
def test_missing_key_is_named(tmp_path: Path, entry_values: dict[str, Any], key: str) -> None:
    del entry_values[key]
    with pytest.raises(ConfigError, match=rf"models\[0\]: missing {key}"):
        load_manifest(write(tmp_path / "m.json", entry_values))


def test_the_first_of_a_kind_is_the_one_that_is_chosen(tmp_path: Path, entry_values: dict[str, Any]) -> None:
    others = [{**entry_values, "alias": alias, "kind": kind} for alias, kind in (("a", "page"), ("b", "page"))]
    manifest = load_manifest(write(tmp_path / "m.json", entry_values, *others))
    assert manifest.get("tiny").kind is None
    page = manifest.of_kind("page")
    assert page is not None
    assert page.alias == "a"
    assert manifest.of_kind("face") is None


def test_unknown_key_is_named(tmp_path: Path, entry_values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"models\[0\]: unknown license"):
        load_manifest(write(tmp_path / "m.json", {**entry_values, "license": "MIT"}))


def test_alias_given_twice(tmp_path: Path, entry_values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="alias tiny stands twice"):
        load_manifest(write(tmp_path / "m.json", entry_values, entry_values))


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", WeightsError, "no valid JSON"),
        ("[]", ConfigError, "no object"),
        ("{}", ConfigError, "missing format_version, models"),
        ('{"format_version": 2, "models": []}', ConfigError, "format_version is 2"),
        ('{"format_version": 1, "models": {}}', ConfigError, "models is no list"),
        ('{"format_version": 1, "models": [3]}', ConfigError, r"models\[0\]: an entry is 3"),
    ],
)
def test_broken_manifest(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(error, match=message):
        load_manifest(path)


def test_unknown_alias_lists_the_known_ones(manifest_file: Path) -> None:
    with pytest.raises(UnknownModelError, match=r"'tinny' \(did you mean 'tiny'\?\); give a known name \(tiny\)"):
        load_manifest().get("tinny")
    with pytest.raises(UnknownModelError, match=r"unknown model 'zebra'; give"):
        load_manifest().get("zebra")


def test_shipped_manifest_describes_the_bundled_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UDSD_MANIFEST", raising=False)
    zoo = load_manifest()
    assert "text" in zoo.aliases
    bundled = {path.parent.name: path for path in lookup.BUNDLED_MODELS.glob("*/model.safetensors")}
    assert set(bundled) <= set(zoo.aliases)
    for alias, path in bundled.items():
        entry, data = zoo.get(alias), path.read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (entry.sha256, entry.bytes)
        assert load_model_folder(path.parent).config.base_width == entry.base_width


@pytest.mark.parametrize(("size", "refused"), [(1 << 20, False), ((1 << 20) + 1, True)])
def test_a_manifest_has_a_mebibyte_at_most(tmp_path: Path, size: int, refused: bool) -> None:
    path = tmp_path / "manifest.json"
    path.write_text('{"format_version": 1, "models": []}'.ljust(size))
    if refused:
        with pytest.raises(WeightsError, match="more than the 1048576 allowed"):
            load_manifest(path)
    else:
        assert load_manifest(path).aliases == ()
