from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.runs import CPU, TINY, MakeConfig, merged
from udsd.pretrained import load_model
from udsd.pretrained.folder import MINIMAL_CARD
from udsd.training.card import MARK, model_card
from udsd.training.config import TrainingConfig
from udsd.training.exporting import export
from udsd.training.recipe_files import recipe_text
from udsd.training.runs import load_trained
from udsd.training.trainer import Trainer
from udsd.training.validation import Validation


@pytest.fixture
def run(make_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of four steps whose second was the best."""
    scores = iter([20.0, 23.0, 18.0])
    monkeypatch.setattr(
        Validation, "scores", lambda *_: {"validation_psnr": (score := next(scores)), "validation_ssim": score / 100}
    )
    held_out = tmp_path / "secret" / "held_out"
    held_out.mkdir(parents=True)
    Image.fromarray(np.random.default_rng(9).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(held_out / "a.png")
    config = make_config(data={"validation": [str(held_out)]}, run={"validate_every": 2})
    Trainer(config, tmp_path / "run", CPU).fit()
    return tmp_path / "run"


def test_the_best_weights_are_exported_unless_the_newest_are_asked_for(run: Path, tmp_path: Path) -> None:
    for last, step in ((False, 2), (True, 4)):
        assert export(run, tmp_path / str(last), last=last).step == step
        expected = load_trained(run, last=last).networks.deblur_model.state_dict()
        for name, value in load_model(str(tmp_path / str(last))).state_dict().items():
            assert value.equal(expected[name].half().float())


def test_the_card_holds_settings_data_and_scores_and_no_paths(run: Path, pages: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text()
    assert "step 2 of 2 steps of the warm start and 2 unpaired steps" in card
    assert "- 3 sharp (smallest 70 x 60, median 70 x 60, largest 70 x 60 pixels)" in card
    assert "- 3 sharp, blurred on the fly" in card
    assert "| score | blurred | at the start (step 0) | this model (step 2) |" in card
    assert "| PSNR at best shift, dB (sharp images, blurred as in training) | " in card
    assert " | 20 | 23 |" in card
    toml = card.partition("```toml\n")[2].partition("```")[0]
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(toml)
    config, told = load_trained(run).config, TrainingConfig.from_toml(recipe)
    assert told.data == replace(config.data, sharp=(), validation=())
    assert replace(told, data=config.data, run=config.run) == config
    for private in (str(pages), "secret", str(tmp_path)):
        assert private not in card
    export(run, tmp_path / "last", last=True)
    assert "It is below its start." in (tmp_path / "last" / "README.md").read_text()


def test_what_was_not_measured_says_so(make_config: MakeConfig, tmp_path: Path) -> None:
    Trainer(make_config(), tmp_path / "run", CPU).fit()
    trained = load_trained(tmp_path / "run")
    assert "The run was not measured" in model_card(trained)
    assert "Nothing was recorded." in model_card(replace(trained, data={}))
    init = replace(trained.config, run=replace(trained.config.run, init="/home/somebody/models/mine"))
    card = model_card(replace(trained, config=init))
    assert "began with a model folder `mine`" in card
    assert "somebody" not in card


def test_a_card_that_somebody_wrote_is_left_alone(run: Path, tmp_path: Path) -> None:
    card = tmp_path / "model" / "README.md"
    card.parent.mkdir()
    for written, is_kept in (("mine", True), (MINIMAL_CARD, False), (f"of an earlier export\n{MARK}\n", False)):
        card.write_text(written)
        export(run, card.parent)
        assert (card.read_text() == written) == is_kept
    card.write_bytes(b"\xff\xfe no text")
    export(run, card.parent)
    assert card.read_bytes() == b"\xff\xfe no text"


def test_settings_are_those_of_a_recipe(tmp_path: Path) -> None:
    odd: dict[str, dict[str, Any]] = {
        "data": {"sharp": ['a "b"\\ \x7f\n\u00e9', "c"], "validation_pairs": ["d", "e"]},
        "model": {"domain": {"kind": "page", "size": [20.0, 30.5]}},
        "loss": {"kl": 1e-05, "r1": 1e20},
    }
    config = TrainingConfig.from_dict(merged(TINY, odd))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(recipe_text(config.to_dict()), encoding="utf-8")
    assert TrainingConfig.from_toml(recipe) == config
