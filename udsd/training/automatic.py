"""A run without a recipe: what is given decides what is done, and the time that there is how long.

With blurred images their blur is learnt first, and sharp ones are blurred in that way; with sharp images alone they are
blurred in many ways; with real pairs those are trained on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from udsd.device import resolve_device
from udsd.errors import ConfigError, UdsdError
from udsd.estimation import WHOLE, Plan
from udsd.settings import check_strings
from udsd.training.blur_budget import affordable_plan
from udsd.training.checkpoint import find_checkpoints
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.learnt_blur import BLUR_FILE, BLUR_FILES, learn_blur_of, unpaired_files
from udsd.training.length import affordable_measurements, least_seconds, with_length
from udsd.training.lock import only_trainer
from udsd.training.own_paths import is_own
from udsd.training.processes import Processes
from udsd.training.recipe_files import recipe_path
from udsd.training.request import NEXT_REQUEST_FILE, check_storable, read_request, write_request
from udsd.training.runs import check_free, make_folder, read_run_config
from udsd.training.scale_choice import with_best_scale
from udsd.training.start import Overrides, run_config, with_absolute_folders
from udsd.training.validation import check_validations

logger = logging.getLogger(__name__)

RECIPE = "automatic"

_LENGTHS = {"warm_start": ("steps",), "unpaired": ("steps", "decay_steps", "epochs", "decay_epochs")}
"""Settings that say how long a run is, as a budget does."""

_MEASURED = 8
"""Times that a run is measured, beside the start."""


def chosen_config(
    output: Path,
    recipe: str | None,
    overrides: Overrides,
    *,
    budget: float | None = None,
    resume: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
) -> TrainingConfig:
    """The settings of a run: of a recipe, of the run that goes on, or what suits the images and the time.

    Args:
        output: The folder of the run.
        recipe: A bundled recipe or a TOML file; None for a run that goes on as it was, or for none.
        overrides: Settings by section and key that take precedence.
        budget: Seconds that a run without a recipe may take.
        resume: Whether the run in the folder is to go on, if there is one.
        overwrite: Whether a run in the folder is to be removed.
        dry_run: Learn nothing and write nothing.

    Raises:
        ConfigError: As for `automatic_config`; or a budget is given with a recipe, for a run that has its length
            already; or a name is not UTF-8.
        ImageError: As for `automatic_config`.
        UdsdError: The model to start from cannot be had, or the folder not be written.
    """
    is_automatic = recipe in (None, RECIPE)
    recipe = None if is_automatic else recipe  # else a run that goes on would be compared with the bare file
    if overwrite and not dry_run:
        with suppress(OSError):  # of an attempt to overwrite that came to nothing
            (output / NEXT_REQUEST_FILE).unlink(missing_ok=True)
    if budget is not None and not is_automatic:
        raise ConfigError("a budget is for runs without a recipe; with one give warm_start.steps or unpaired.steps")
    check_storable(overrides)
    before = read_run_config(output) if resume else None
    if before is not None and is_automatic:
        overrides = _as_begun(overrides, budget, before, output)
    if before is not None or not is_automatic:
        return run_config(output, recipe, overrides, resume=resume)
    data = overrides.get("data", {})
    overrides = with_absolute_folders(overrides)
    # Images that are given anew are another request; other settings are changes of the one that there was.
    request = read_request(output) if resume and not (data.get("sharp") or data.get("pairs")) else None
    asked, budget_before = request or ({}, None)
    given = {name: {**asked.get(name, {}), **overrides.get(name, {})} for name in {**asked, **overrides}}
    if budget is None and "steps" not in overrides.get("warm_start", {}):
        budget = budget_before
    _check_request(given, budget)
    data = given.get("data", {})
    if not (data.get("sharp") or data.get("pairs")):
        if resume and request is None:
            raise ConfigError(
                f"{output} holds no run to go on with; give the --output folder of one, or images to begin"
            )
        raise ConfigError(
            "there are no images; give sharp ones (--sharp DIR), with blurred ones of other scenes if there are any "
            "(--blurred DIR), or pairs (--pairs BLURRED SHARP)"
        )
    if not dry_run:
        check_free(output, may_hold_run=resume or overwrite)
    return automatic_config(output, given, budget=budget, overwrite=overwrite, dry_run=dry_run)


def _as_begun(overrides: Overrides, budget: float | None, before: TrainingConfig, output: Path) -> Overrides:
    """What is given to a run that goes on, without what the same command gave it to begin with and is done."""
    asked, budget_before = read_request(output) or ({}, None)
    if budget not in (None, budget_before):
        raise ConfigError(
            f"the run in {output} has its {before.total_steps} steps already, and a budget is for one that begins; "
            "leave it out, or give warm_start.steps with --change-settings"
        )
    data = dict(overrides.get("data", {}))
    learnt_of = asked.get("data", {}).get("blurred", ())
    if _has_own_blur(before, output) and list(data.get("blurred", ())) == list(learnt_of):
        data.pop("blurred", None)
    return {**overrides, "data": data}


def images_of(output: Path) -> dict[str, tuple[str, ...]]:
    """Where the images are that the run in a folder was given, by what they are for; of pairs each side by itself.

    Raises:
        UdsdError: The settings of the run cannot be read.
    """
    before = read_run_config(output)
    asked, _ = read_request(output) or ({}, None)
    data = asked.get("data", {}) if before is None else asdict(before.data)
    if before is not None and _has_own_blur(before, output):
        data["blurred"] = asked.get("data", {}).get("blurred", ())
    places = {side: tuple(data.get(side, ())) for side in ("sharp", "blurred", "validation")}
    for name in ("pairs", "validation_pairs"):
        both = zip(("blurred", "sharp"), data.get(name, ()), strict=False)
        places |= {f"{name}-{side}": (place,) for side, place in both}
    return places


def _has_own_blur(config: TrainingConfig, output: Path) -> bool:
    return bool(config.blur.learnt) and is_own(config.blur.learnt, output)


def _check_request(given: Overrides, budget: float | None) -> None:
    """Refuse what would be ignored."""
    lengths = [
        f"{section}.{key}"
        for section, keys in _LENGTHS.items()
        for key in keys
        if budget is not None and given.get(section, {}).get(key)
    ]
    if lengths:
        raise ConfigError(f"a budget and {lengths[0]} are given, and either is a length; leave out one of them")
    if given.get("data", {}).get("pairs") and given["data"].get("blurred"):
        raise ConfigError("pairs are given beside blurred images; give either pairs or unpaired images")


def _learns(given: Overrides) -> bool:
    return bool(given.get("data", {}).get("blurred")) and "learnt" not in given.get("blur", {})


def _is_of_same_blur(given: Overrides, output: Path) -> bool:
    """Whether the last request in the folder was for the blur of the same images, with the same seed."""
    asked, _ = read_request(output) or ({}, None)
    first, second = (
        [*(list(one.get("data", {}).get(side, ())) for side in ("sharp", "blurred")), one.get("run", {}).get("seed")]
        for one in (asked, given)
    )
    return first == second


def automatic_config(
    output: Path, overrides: Overrides, *, budget: float | None, overwrite: bool = False, dry_run: bool = False
) -> TrainingConfig:
    """The settings of a run without a recipe. With blurred images their blur is learnt first, into the run's folder.

    Args:
        output: The folder of the run.
        overrides: Settings by section and key, with at least ``data.sharp`` or ``data.pairs``; they take precedence
            over what is chosen here.
        budget: Seconds that all may take together, from now on; None for a length that suits the number of images.
            Up to half of them are for learning the blur, which is learnt less thoroughly if that takes longer.
        overwrite: Learn the blur anew, even if the folder holds that of a run that was interrupted.
        dry_run: Learn nothing, and look for no scale; of a budget the speed is measured all the same.

    Raises:
        ConfigError: A setting is unknown or out of range, the budget too short, or several processes are to learn a
            blur together.
        ImageError: There are too few images, or the blurred ones are as sharp as the others.
        UdsdError: The model to start from cannot be had.
    """
    ends = None if budget is None else time.monotonic() + budget
    given = {section: dict(values) for section, values in overrides.items()}
    blurred = given.get("data", {}).pop("blurred", ())
    check_strings("data.blurred", blurred)
    config = run_config(output, str(recipe_path(RECIPE)), given, resume=False)
    is_open = not given.get("warm_start", {}).get("steps")
    finds_scale = bool(config.run.init) and not dry_run and not {"input_scale", "domain"} & set(given.get("model", {}))
    crops, processes = None, Processes(resolve_device(config.run.device))
    if is_open or finds_scale:
        crops = TrainingCrops(
            config.data,
            config.blur,
            config.run.seed,
            process=processes.index,
            processes=processes.count,
            besides=output,
        )
    if blurred:
        check_validations(config, crops, output)
    if blurred and dry_run:
        _check_folders(blurred, config, crops, output, ends)
    elif _learns(overrides):
        if processes.count > 1:
            raise ConfigError(
                "several processes cannot learn a blur together; learn it first (udsd-train blur BLURRED --sharp SHARP "
                "-o BLUR), and give --set blur.learnt=BLUR/blur.safetensors in place of --blurred"
            )
        make_folder(output)
        with only_trainer(output):
            path = _learnt(overrides, budget, config, crops, output, ends, overwrite=overwrite)
        config = replace(config, blur=replace(config.blur, learnt=str(path)))
    elif not dry_run:
        write_request(output, overrides, budget)
    if crops is not None and finds_scale:
        config = with_best_scale(config, crops.under(config.blur), output, ends)
    measured = _MEASURED
    if crops is not None and is_open and ends is not None:
        measured, seconds = affordable_measurements(config, crops.under(config.blur), output, ends, _MEASURED)
        ends -= seconds
    if crops is not None and is_open:
        crops, ramp_steps = crops.under(config.blur), given.get("warm_start", {}).get("ramp_steps")
        config = with_length(config, crops.at_scale(config.model.input_scale), ends, ramp_steps=ramp_steps)
    return _with_intervals(config, given, measured)


def _learnt(
    asked: Overrides,
    budget: float | None,
    config: TrainingConfig,
    crops: TrainingCrops | None,
    output: Path,
    ends: float | None,
    *,
    overwrite: bool,
) -> Path:
    """The file with the blur: learnt in its share of the time, or there already from a run that was interrupted."""
    path = _free_file(output).absolute()
    if path.exists() and not overwrite and _is_of_same_blur(asked, output):
        write_request(output, asked, budget)
        logger.info("%s is there already: the blur is not learnt again", path)
        return path
    files, sharp = unpaired_files(asked["data"]["blurred"], config.data.sharp, output)
    plan = WHOLE if ends is None else _plan(files, sharp, config, crops, ends)
    path.unlink(missing_ok=True)  # it would be taken for what was asked for now, were this interrupted
    write_request(output, asked, budget)
    learn_blur_of(files, sharp, path, seed=config.run.seed, plan=plan)
    return path


def _free_file(output: Path) -> Path:
    """Where a blur is learnt to: not over that of a run which is to be overwritten, and may have to stay."""
    taken = ""
    if find_checkpoints(output):
        taken = str(output / BLUR_FILE)
        with suppress(UdsdError):  # of a run whose settings cannot be read nothing more is known
            before = read_run_config(output)
            taken = taken if before is None else before.blur.learnt
    return next(output / name for name in BLUR_FILES if not taken or output.absolute() / name != Path(taken).absolute())


def _plan(
    blurred: Sequence[Path], sharp: Sequence[Path], config: TrainingConfig, crops: TrainingCrops | None, ends: float
) -> Plan:
    training = 0.0 if crops is None else least_seconds(config, crops)
    return affordable_plan(blurred, sharp, ends=ends, training=training, seed=config.run.seed)


def _check_folders(
    blurred: Sequence[str], config: TrainingConfig, crops: TrainingCrops | None, output: Path, ends: float | None
) -> None:
    """Look for what would stop the learning of a blur, and say what it would be learnt from."""
    files, sharp = unpaired_files(blurred, config.data.sharp, output)
    logger.warning("the blur of %d images is learnt first, with %d sharp ones", len(files), len(sharp))
    if ends is not None:
        _plan(files, sharp, config, crops, ends)


def _with_intervals(config: TrainingConfig, given: Mapping[str, Mapping[str, Any]], measured: int) -> TrainingConfig:
    """Measure and save a run of any length often enough, unless it is said how often."""
    steps = config.warm_start.steps
    wanted = {
        "validate_every": max(1, steps // measured),
        "sample_every": max(1, steps // 4),
        "checkpoint_every": min(500, max(1, steps // 4)),
    }
    set_by_user = given.get("run", {})
    chosen: dict[str, Any] = {name: every for name, every in wanted.items() if name not in set_by_user}
    return replace(config, run=replace(config.run, **chosen))
