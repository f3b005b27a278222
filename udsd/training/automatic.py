"""A run without a recipe: what is given decides what is done, and the time that there is how long.

With blurred images their blur is learnt first, and sharp ones are blurred in that way; with sharp images alone they are
blurred in many ways; with real pairs those are trained on.
"""

from __future__ import annotations

import logging
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from udsd.atomic import whole_file
from udsd.device import resolve_device
from udsd.errors import ConfigError, UdsdError
from udsd.estimation import WHOLE, Plan
from udsd.regular import read_limited
from udsd.training.blur_budget import affordable_plan
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.learnt_blur import BLUR_FILE, learn_blur_of, unpaired_files
from udsd.training.length import least_seconds, with_length
from udsd.training.lock import only_trainer
from udsd.training.processes import Processes
from udsd.training.recipe_files import recipe_path, recipe_text
from udsd.training.runs import check_free, make_folder, read_run_config
from udsd.training.scale_choice import with_best_scale
from udsd.training.start import Overrides, run_config
from udsd.training.validation import check_validations

logger = logging.getLogger(__name__)

RECIPE = "automatic"

REQUEST_FILE = "request.toml"
"""What was asked for, in the folder of a run: there before the blur is learnt, so that --resume alone goes on."""

_LARGEST_REQUEST = 1 << 16

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
        ConfigError: As for `automatic_config`; or a budget is given with a recipe.
        ImageError: As for `automatic_config`.
        UdsdError: The model to start from cannot be had, or the folder not be written.
    """
    is_automatic = recipe in (None, RECIPE)
    if budget is not None and not is_automatic:
        raise ConfigError("a budget is for runs without a recipe; with one give warm_start.steps or unpaired.steps")
    if not is_automatic or (resume and read_run_config(output) is not None):
        return run_config(output, recipe, overrides, resume=resume)
    request = read_request(output) if resume and "data" not in overrides else None
    given, budget = request or (overrides, budget)
    data = given.get("data", {})
    if not (data.get("sharp") or data.get("pairs")):
        raise ConfigError(
            "there are no images; give sharp ones (--sharp DIR), with blurred ones of other scenes if there are any "
            "(--blurred DIR), or pairs (--pairs BLURRED SHARP)"
        )
    if not dry_run:
        check_free(output, may_hold_run=resume or overwrite)
        write_request(output, given, budget)
    return automatic_config(output, given, budget=budget, overwrite=overwrite, dry_run=dry_run)


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
        dry_run: Learn nothing; a budget is only checked then, and gives no number of steps.

    Raises:
        ConfigError: A setting is unknown or out of range, the budget too short, or several processes are to learn a
            blur together.
        ImageError: There are too few images, or the blurred ones are as sharp as the others.
        UdsdError: The model to start from cannot be had.
    """
    ends = None if budget is None else time.monotonic() + budget
    given = {section: dict(values) for section, values in overrides.items()}
    blurred = tuple(given.get("data", {}).pop("blurred", ()))
    config = run_config(output, str(recipe_path(RECIPE)), given, resume=False)
    crops = None
    if not given.get("warm_start", {}).get("steps"):
        processes = Processes(resolve_device(config.run.device))
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
    elif blurred and "learnt" not in given.get("blur", {}):
        make_folder(output)
        with only_trainer(output):
            path = _learnt(blurred, config, crops, output, ends, overwrite=overwrite)
        config = replace(config, blur=replace(config.blur, learnt=str(path)))
    if crops is not None:
        crops = crops.under(config.blur)
        if config.run.init and not dry_run and not {"input_scale", "domain"} & set(given.get("model", {})):
            config = with_best_scale(config, crops, output, ends)
        crops, ramp_steps = crops.at_scale(config.model.input_scale), given.get("warm_start", {}).get("ramp_steps")
        config = with_length(config, crops, None if dry_run else ends, ramp_steps=ramp_steps)
    return _with_intervals(config, given)


def _learnt(
    blurred: Sequence[str],
    config: TrainingConfig,
    crops: TrainingCrops | None,
    output: Path,
    ends: float | None,
    *,
    overwrite: bool,
) -> Path:
    """The file with the blur: learnt in its share of the time, or there already from a run that was interrupted."""
    path = output / BLUR_FILE
    if path.exists() and not overwrite:
        logger.info("%s is there already: the blur is not learnt again", path)
        return path
    path.unlink(missing_ok=True)
    files, sharp = unpaired_files(blurred, config.data.sharp, output)
    plan = WHOLE if ends is None else _plan(files, sharp, config, crops, ends)
    return learn_blur_of(files, sharp, output, seed=config.run.seed, plan=plan)


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


def write_request(output: Path, overrides: Overrides, budget: float | None) -> None:
    """Keep in the folder of a run what was asked for.

    Raises:
        UdsdError: It cannot be written.
    """
    make_folder(output)
    text = recipe_text({**overrides, "request": {} if budget is None else {"budget": budget}})
    try:
        with whole_file(output / REQUEST_FILE) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UdsdError(f"cannot write to {output} ({error.strerror or error}); choose another folder") from error


def read_request(output: Path) -> tuple[dict[str, dict[str, Any]], float | None] | None:
    """What was asked for of a run that has not begun to train: settings, and the budget in seconds; or None.

    Raises:
        ConfigError: The file cannot be read.
    """
    path = output / REQUEST_FILE
    if not path.exists():
        return None
    try:
        values = tomllib.loads(read_limited(path, _LARGEST_REQUEST).decode())
        budget = values.pop("request", {}).get("budget")
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(f"cannot read {path} ({error}); give the arguments of the run again") from error
    return values, budget


def _with_intervals(config: TrainingConfig, given: Mapping[str, Mapping[str, Any]]) -> TrainingConfig:
    """Measure and save a run of any length often enough, unless it is said how often."""
    steps = config.warm_start.steps
    wanted = {
        "validate_every": max(1, steps // _MEASURED),
        "sample_every": max(1, steps // 4),
        "checkpoint_every": min(500, max(1, steps // 4)),
    }
    set_by_user = given.get("run", {})
    chosen: dict[str, Any] = {name: every for name, every in wanted.items() if name not in set_by_user}
    return replace(config, run=replace(config.run, **chosen))
