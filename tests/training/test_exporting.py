from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.runs import CPU, TINY, MakeConfig, merged
from udsd.errors import ConfigError
from udsd.models import DeblurModel
from udsd.pretrained import load_model, save_model
from udsd.pretrained.card import MINIMAL_CARD
from udsd.pretrained.lookup import BUNDLED_MODELS
from udsd.pretrained.metadata import read_metadata
from udsd.training import exporting
from udsd.training.card import MARK, card_facts, model_card
from udsd.training.config import TrainingConfig
from udsd.training.exporting import export
from udsd.training.origin import Origin, origin_of, origin_of_run
from udsd.training.recipe_files import recipe_text
from udsd.training.runs import TrainedRun, load_trained
from udsd.training.start import make_trainer
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
    facts = card_facts(trained, "plates", "", base_model="", has_licence_file=False)
    assert facts.scores == {}
    assert "The run was not measured" in model_card(trained, facts)
    assert "Nothing was recorded." in model_card(replace(trained, data={}), facts)
    init = replace(trained.config, run=replace(trained.config.run, init="/home/somebody/models/mine"))
    card = model_card(replace(trained, config=init), facts)
    assert "began with a model folder `mine`" in card
    assert "somebody" not in card
    taught = replace(trained.config, warm_start=replace(trained.config.warm_start, teacher="/home/somebody/wide"))
    card = model_card(replace(trained, config=taught), facts)
    assert "It learnt from a model folder `wide`: 70 % of what it was to give." in card
    assert "somebody" not in card


def test_no_path_is_on_the_card(run: Path, pages: Path, tmp_path: Path) -> None:
    trained, somewhere = load_trained(run), "/home/somebody"
    config = trained.config
    paths = replace(
        config,
        data=replace(config.data, sharp=(), pairs=(f"{somewhere}/a", f"{somewhere}/b")),
        blur=replace(config.blur, learnt=f"{somewhere}/blur.safetensors"),
        warm_start=replace(config.warm_start, teacher=f"{somewhere}/teacher"),
        run=replace(config.run, init=f"{somewhere}/start", vgg_weights=f"{somewhere}/vgg"),
    )
    facts = card_facts(trained, "plates", "", base_model="", has_licence_file=False)
    card = model_card(replace(trained, config=paths), facts)
    assert somewhere not in card
    assert not re.search(r"[\"' =\[(]/\w", card)
    assert "blurred in ways learnt from blurred ones" in card


def test_a_licence_holds_on_though_the_model_it_came_with_is_gone(make_config: MakeConfig, tmp_path: Path) -> None:
    start = tmp_path / "start"
    save_model(DeblurModel(make_config().model), start, card="---\nlicense: other\nlicense_name: mine\n---\n")
    (start / "LICENSE").write_bytes(b"may not be \xff")
    sections: dict[str, dict[str, Any]] = {"run": {"init": str(start)}, "warm_start": {"steps": 2}}
    make_trainer(make_config(**sections), tmp_path / "run", callback=lambda update: update.step == 1).fit()
    start.rename(tmp_path / "moved")
    make_trainer(make_config(**sections), tmp_path / "run", resume=True).fit()
    with pytest.raises(ConfigError, match="began with a model under LicenseRef-mine"):
        export(tmp_path / "run", tmp_path / "model", licence="MIT")
    export(tmp_path / "run", tmp_path / "model")
    assert (tmp_path / "model" / "LICENSE").read_bytes() == b"may not be \xff"
    assert read_metadata((tmp_path / "model" / "README.md").read_text(), "README.md")["license_name"] == "mine"


def test_the_card_is_complete_for_the_hub(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "plates", licence="Apache-2.0")
    card = (tmp_path / "plates" / "README.md").read_text()
    data = read_metadata(card, "README.md").to_dict()
    (index,) = data.pop("model-index")
    assert data == {
        "license": "apache-2.0",
        "library_name": "udsd",
        "pipeline_tag": "image-to-image",
        "tags": ["deblurring"],
        "metrics": ["psnr", "ssim"],
    }
    (results,) = index["results"]
    assert (index["name"], results["dataset"]["name"]) == (
        "plates",
        "held-out sharp images, blurred as in training",
    )
    assert [(metric["type"], metric["value"]) for metric in results["metrics"]] == [("psnr", 23.0), ("ssim", 0.23)]
    for needed in (
        'Deblurrer.from_pretrained("ORG/REPO")',
        "pip install",
        "https://arxiv.org/abs/1903.01594",
        "@InProceedings{Lu_2019_CVPR",
        "## Licence\n\nApache-2.0.",
        "## Limits",
    ):
        assert needed in card


def test_a_card_without_a_licence_says_how_to_choose_one(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "plates")
    card = (tmp_path / "plates" / "README.md").read_text()
    assert read_metadata(card, "README.md").get("license") is None
    assert "udsd-train export --licence Apache-2.0" in card
    with pytest.raises(ConfigError, match="the licence is 'my own'; give an SPDX name"):
        export(run, tmp_path / "plates", licence="my own")


def test_a_licence_that_holds_on_is_kept_from_model_to_model(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = load_trained(run)

    def begun_with(init: str, *_: Any, **__: Any) -> TrainedRun:
        config = replace(trained.config, run=replace(trained.config.run, init=init))
        return replace(trained, config=config, origin=None)  # of an earlier version

    first, second = tmp_path / "first", tmp_path / "second"
    for init, folder in (("face", first), (str(first), second)):
        monkeypatch.setattr(exporting, "load_trained", partial(begun_with, init))
        with pytest.raises(ConfigError, match=r"'MIT', but the run began with a model under LicenseRef-udsd-research"):
            export(run, folder, licence="MIT")
        export(run, folder)
        data = read_metadata((folder / "README.md").read_text(), "README.md")
        assert (data["license"], data["license_name"], data["license_link"], data["base_model"]) == (
            "other",
            "udsd-research-only",
            "LICENSE",
            "udsd/face",
        )
        assert (folder / "LICENSE").read_bytes() == (BUNDLED_MODELS / "face" / "LICENSE").read_bytes()


def test_the_licence_of_a_teacher_holds_for_what_learnt_from_it(tmp_path: Path) -> None:
    face = origin_of("face")
    assert face.licence == "LicenseRef-udsd-research-only"
    assert origin_of_run("", "") == Origin()
    assert origin_of_run("text-small", "text") == origin_of("text-small")
    assert origin_of_run("face", "") == origin_of_run("face", "face") == face
    taught = origin_of_run("text-small", "face")
    assert taught == Origin("udsd/text-small", face.licence, face.licence_text)
    with pytest.raises(ConfigError, match="or learnt from one, which holds for what is trained from it"):
        taught.licence_for("MIT")
    (tmp_path / "README.md").write_text("---\nlicense: other\nlicense_name: mine\n---\n")
    with pytest.raises(ConfigError, match="is under LicenseRef-mine and the teacher face under LicenseRef-udsd"):
        origin_of_run(str(tmp_path), "face")


def test_where_a_run_began_is_known_for_the_zoo_and_the_hub(tmp_path: Path) -> None:
    assert origin_of("") == origin_of(str(tmp_path / "missing")) == Origin()
    assert origin_of("text") == origin_of("udsd/text") == Origin("udsd/text")
    assert origin_of("udsd/face") == origin_of("face")
    assert origin_of("acme/plates") == Origin("acme/plates")
    (tmp_path / "README.md").write_bytes(b"\xff")
    assert origin_of(str(tmp_path)) == Origin()
    (tmp_path / "README.md").write_text("---\nlicense: other\nlicense_name: mine\n---\n")
    assert origin_of(str(tmp_path)) == Origin("", "LicenseRef-mine")


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


def test_nothing_of_the_model_before_stays_in_the_folder(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trained, folder = load_trained(run), tmp_path / "model"
    config = replace(trained.config, run=replace(trained.config.run, init="face"))
    with monkeypatch.context() as patch:
        patch.setattr(exporting, "load_trained", lambda *_, **__: replace(trained, config=config, origin=None))
        export(run, folder, training_state=True)
    (folder / "blur.safetensors").write_bytes(b"what another run has learnt")
    (folder / "notes.txt").write_text("mine")
    assert (folder / "LICENSE").exists()
    export(run, folder, licence="Apache-2.0")
    assert {path.name for path in folder.iterdir()} == {"README.md", "config.json", "model.safetensors", "notes.txt"}
    for name in ("LICENSE", "training_state.safetensors", "blur.safetensors"):
        assert f"{folder / name} was of the model before, and is removed" in caplog.text
    assert "LICENSE" not in (folder / "README.md").read_text()


def test_a_licence_of_ones_own_stays(run: Path, tmp_path: Path) -> None:
    for name, text in (
        ("Apache-2.0", "Apache License\n"),
        ("LicenseRef-mine", "SPDX-License-Identifier: LicenseRef-mine\n\nMine.\n"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "LICENSE").write_text(text)
        export(run, folder, licence=name)
        assert (folder / "LICENSE").read_text() == text
        assert "([LICENSE](LICENSE))" in (folder / "README.md").read_text()


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
