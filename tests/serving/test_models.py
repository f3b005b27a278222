from __future__ import annotations

from typing import Any

from udsd.pretrained import load_manifest
from udsd.serving.models import CHOSEN, Models


def test_each_model_is_loaded_once() -> None:
    loaded: list[str] = []

    def load(name: str) -> Any:
        loaded.append(name)
        return object()

    models = Models(load_manifest(), load, "cpu")
    assert models.names == (CHOSEN, *load_manifest().aliases)
    assert models.get("text") is models.get("text")
    assert models.get(CHOSEN, of_faces=True) is models.get("face")
    assert models.get(CHOSEN) is models.get(CHOSEN)
    assert loaded == ["text", "face"]


def test_licences_are_shown() -> None:
    shown = {name: label for label, name in Models(load_manifest(), lambda name: None, "cpu").choices()}  # type: ignore[arg-type, return-value]
    assert "research-only" in shown["face"]
    assert "Apache-2.0" in shown["text"]


def test_a_single_model_is_no_choice() -> None:
    models = Models(load_manifest(), lambda name: name, "cpu", only="my/model")  # type: ignore[arg-type, return-value]
    assert models.choices() == [("model", CHOSEN)]
    assert models.get(CHOSEN) == models.get(CHOSEN, of_faces=True) == "my/model"
