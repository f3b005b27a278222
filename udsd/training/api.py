"""Training from Python: what ``udsd-train`` does, with images in memory and a callback as well."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from udsd.arguments import real_number
from udsd.errors import ConfigError
from udsd.training.automatic import chosen_config, images_of
from udsd.training.checkpoint import find_checkpoints
from udsd.training.config import TrainingConfig
from udsd.training.given_images import GivenImages, place_images
from udsd.training.progress import Callback
from udsd.training.request import check_storable
from udsd.training.runs import TrainedRun, load_trained
from udsd.training.start import make_trainer


def train(
    sharp: GivenImages | None,
    output: str | os.PathLike[str],
    *,
    recipe: str | os.PathLike[str] | TrainingConfig | None = None,
    blurred: GivenImages | None = None,
    pairs: tuple[GivenImages, GivenImages] | None = None,
    init: str | os.PathLike[str] | None = None,
    teacher: str | os.PathLike[str] | None = None,
    validation: GivenImages | None = None,
    validation_pairs: tuple[GivenImages, GivenImages] | None = None,
    settings: Mapping[str, Any] | None = None,
    budget: float | None = None,
    device: str | None = None,
    vgg_weights: str | os.PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    change_settings: bool = False,
    callback: Callback | None = None,
) -> TrainedRun:
    """Train a model.

    Runs anywhere: in a notebook, and in a thread that is not the main one, where SIGINT and SIGTERM stay what they are
    elsewhere. In the main thread they stop the run with a checkpoint.

    Args:
        sharp: Sharp images: a folder, or an iterable of folders, of image files or of images (Pillow images, arrays,
            tensors, as `udsd.Deblurrer.deblur` takes them), or a torch dataset of images or of tuples that begin with
            one. Images in memory are kept in ``OUTPUT/images/`` as PNG. None for a run that goes on with what it had,
            or that has pairs.
        output: Folder of the run.
        recipe: A bundled recipe, a TOML file, or a whole configuration. Without one a run that goes on keeps its
            settings, and a new one does what suits the images: see `udsd.training.automatic`.
        blurred: Blurred images of the same domain, of other scenes.
        pairs: Instead of both, blurred images and the same without blur, to train on. In folders, both of a pair have
            one name; of images in memory, one place.
        init: A zoo model, a model folder or a Hub repository whose weights to start from.
        teacher: The same, to learn from what it makes of the blurred crops, too (``warm_start.teacher_share``).
        validation: Sharp images that are not trained on, which are blurred and measured.
        validation_pairs: Blurred images, and the same without blur, to be measured. In folders, both of a pair have one
            name; of images in memory, one place.
        settings: Further settings by their whole names, such as ``{"warm_start.steps": 500}``.
        budget: Seconds that a run without a recipe may take; None for a length that suits the number of images.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
        vgg_weights: A file of VGG-19.
        resume: Go on with the run in the folder if there is one; images that were given in memory are taken from there.
        overwrite: Remove the run in the folder.
        change_settings: A run that goes on may have other settings than it had.
        callback: Called with a `TrainingUpdate` at every mean of the losses and at every validation; if it returns True
            the run stops with a checkpoint.

    Returns:
        The best weights by the validation, or the newest if there was none.

    Raises:
        ConfigError: A setting is unknown or out of range, or the folder holds a run while neither ``resume`` nor
            ``overwrite`` is given.
        ImageError: There are no images, or one in memory cannot be read.
        UdsdError: The training cannot go on; the checkpoints before are intact.
    """
    folder = Path(output)
    if budget is not None:
        budget = real_number("budget", budget, low=0, allowed="a time in seconds")
    if find_checkpoints(folder) and not (resume or overwrite):
        raise ConfigError(f"{folder} holds a run already; give resume=True or overwrite=True, or another folder")
    sides = {"sharp": sharp, "blurred": blurred, "validation": validation}
    both = {"pairs": pairs, "validation_pairs": validation_pairs}
    for name, pair in both.items():
        if pair is not None:
            sides |= dict(zip((f"{name}-blurred", f"{name}-sharp"), pair, strict=True))
    overrides = _by_section(settings or {})
    before = images_of(folder) if resume else {}
    places = {
        side: place_images(images, folder, side, before=before.get(side, ()))
        for side, images in sides.items()
        if images is not None
    }
    for name in (name for name, pair in both.items() if pair is not None):
        folders = places.pop(f"{name}-blurred"), places.pop(f"{name}-sharp")
        if any(len(one) != 1 or one[0].endswith(".txt") for one in folders):
            raise ConfigError(f"{name} are neither two folders nor images in memory; give either")
        places[name] = (folders[0][0], folders[1][0])
    overrides["data"] = {**overrides.get("data", {}), **places}
    run = {"init": init, "device": device, "vgg_weights": vgg_weights}
    given = {name: os.fspath(value) for name, value in run.items() if value is not None}
    overrides["run"] = {**overrides.get("run", {}), **given}
    if teacher is not None:
        overrides["warm_start"] = {**overrides.get("warm_start", {}), "teacher": os.fspath(teacher)}
    config = _config(recipe, overrides, folder, budget=budget, resume=resume, overwrite=overwrite)
    if not (config.data.sharp or config.data.pairs):
        raise ConfigError("there are no images; give sharp ones as the first argument")
    trainer = make_trainer(
        config, folder, resume=resume, overwrite=overwrite, change_settings=change_settings, callback=callback
    )
    trainer.fit()
    return load_trained(folder)


def _config(
    recipe: str | os.PathLike[str] | TrainingConfig | None,
    overrides: dict[str, dict[str, Any]],
    output: Path,
    *,
    budget: float | None,
    resume: bool,
    overwrite: bool,
) -> TrainingConfig:
    if not isinstance(recipe, TrainingConfig):
        name = None if recipe is None else os.fspath(recipe)
        return chosen_config(output, name, overrides, budget=budget, resume=resume, overwrite=overwrite)
    if budget is not None:
        raise ConfigError("a budget is for runs without a recipe; leave out one of them")
    check_storable(overrides)
    values = recipe.to_dict()
    for section, changes in overrides.items():
        values[section] = {**values.get(section, {}), **changes}
    return TrainingConfig.from_dict(values)


def _by_section(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    sections: dict[str, dict[str, Any]] = {}
    for name, value in settings.items():
        section, dot, key = name.partition(".")
        if not dot:
            raise ConfigError(f"cannot read the setting {name!r}; give SECTION.KEY, such as warm_start.steps")
        sections.setdefault(section, {})[key] = value
    return sections
