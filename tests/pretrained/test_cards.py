"""Cards: the bundled ones are complete, and parts and metadata are written. `test_figures.py` has their figures."""

from __future__ import annotations

from email.message import Message
from importlib import metadata
from typing import Any

import pytest
import yaml

from udsd.errors import ConfigError
from udsd.pretrained import card as cards
from udsd.pretrained import publish_model
from udsd.pretrained.card import (
    MINIMAL_CARD,
    CardFacts,
    front_matter,
    scores_table,
    usage,
    with_front_matter,
    with_part,
)
from udsd.pretrained.contents import card_files
from udsd.pretrained.lookup import BUNDLED_MODELS
from udsd.pretrained.manifest import ModelEntry, load_manifest
from udsd.pretrained.metadata import read_metadata

ENTRIES = load_manifest().models

bundled = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.alias)


def card_of(entry: ModelEntry) -> str:
    return (BUNDLED_MODELS / entry.alias / "README.md").read_text(encoding="utf-8")


@bundled
def test_a_bundled_card_is_complete(entry: ModelEntry) -> None:
    card = card_of(entry)
    data = read_metadata(card, "README.md")
    assert data.get("library_name") == "udsd"
    assert data.get("license") == ("apache-2.0" if entry.licence == "Apache-2.0" else "other")
    assert data.get("license_link") == "LICENSE"
    assert data.get("datasets")
    assert {result.metric_value for result in data["eval_results"]} <= set(entry.scores.values())
    assert set(card_files(BUNDLED_MODELS / entry.alias, card, data.get("license_link"))) == {
        "LICENSE",
        "before_after.jpg",
    }
    for needed in (f'Deblurrer.from_pretrained("{entry.alias}")', "pip install", "arxiv.org/abs/1903.01594", "@InProc"):
        assert needed in card


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_a_bundled_model_can_be_published_as_it_lies(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.writer = "hf_writer"
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    publish_model(BUNDLED_MODELS / "text-small", "udsd/text-small", tag="v0.1.0")
    sent = {path.name for path in (hub.root / "udsd/text-small" / "main").iterdir()}
    assert sent == {"LICENSE", "README.md", "before_after.jpg", "config.json", "model.safetensors"}
    assert hub.tags == {"udsd/text-small": ["v0.1.0"]}


def test_what_is_not_known_is_left_out() -> None:
    assert yaml.safe_load(front_matter(CardFacts(name="plates")).strip("-\n")) == {
        "library_name": "udsd",
        "pipeline_tag": "image-to-image",
        "tags": ["deblurring"],
    }
    assert read_metadata(MINIMAL_CARD, "README.md").get("license") is None


def test_scores_of_the_input_are_no_results_of_the_model() -> None:
    scores = {"CER": 0.25, "CER blurred": 0.5, "new score": 3.0}
    facts = CardFacts(name="x", scores=scores, test_set="ten strips", test_set_id="strips")
    results = read_metadata(front_matter(facts), "README.md")["eval_results"]
    assert [(one.metric_type, one.metric_value) for one in results] == [("cer", 0.25), ("new_score", 3.0)]
    assert "| character error rate | 0.25 | 0.5 |" in scores_table(facts)
    assert "| new score | 3 |  |" in scores_table(facts)


def test_a_licence_that_the_hub_does_not_know_has_its_own_name() -> None:
    data = read_metadata(front_matter(CardFacts(name="x", licence="LicenseRef-mine")), "README.md")
    assert (data["license"], data["license_name"], data.get("license_link")) == ("other", "mine", None)


def test_metadata_and_parts_are_replaced_and_the_rest_is_kept() -> None:
    card = "---\nlicense: mit\n---\n\n# Mine\n\n<!-- use:begin -->\nold\n<!-- use:end -->\nafter --- all\n---\n"
    facts = CardFacts(name="x", licence="Apache-2.0")
    changed = with_part(with_front_matter(card, facts), "use", "new\n")
    assert changed == (
        f"{front_matter(facts)}\n# Mine\n\n<!-- use:begin -->\nnew\n<!-- use:end -->\nafter --- all\n---\n"
    )
    assert with_front_matter("# No metadata\n", facts).endswith("---\n# No metadata\n")
    with pytest.raises(ConfigError, match=r"the card has no <!-- scores:begin --> ... <!-- scores:end -->"):
        with_part(card, "scores", "new\n")


def test_the_address_of_the_sources_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    message = Message()
    message["Project-URL"] = "Paper, https://arxiv.org/abs/1903.01594"
    monkeypatch.setattr(metadata, "metadata", lambda _: message)
    assert cards.source_address() == ""
    assert "git+REPOSITORY" in usage("x", cards.source_address())
    message["Project-URL"] = "Repository, https://github.com/org/udsd"
    assert "git+https://github.com/org/udsd" in usage("x", cards.source_address())
    assert "REPOSITORY" not in usage("x", cards.source_address())
