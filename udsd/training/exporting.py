"""From a run to a model folder."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from udsd.atomic import whole_file
from udsd.errors import WeightsError
from udsd.estimation.estimator import FILE_NAME
from udsd.pretrained import save_model
from udsd.pretrained.card import CUSTOM_LICENCE, MINIMAL_CARD
from udsd.pretrained.contents import LICENCE_FILE
from udsd.pretrained.folder import CARD_FILE, LARGEST_CONFIG
from udsd.regular import read_limited
from udsd.training.card import MARK, card_facts, model_card
from udsd.training.checkpoint import TRAINING_STATE, save_training_state
from udsd.training.origin import origin_of_run
from udsd.training.own_paths import is_own
from udsd.training.runs import TrainedRun, load_trained

logger = logging.getLogger(__name__)


def export(
    run: str | Path,
    output: str | Path,
    *,
    last: bool = False,
    training_state: bool = False,
    licence: str | None = None,
) -> TrainedRun:
    """Write the model folder of a run: the best weights by its validation, and a card that says what they are.

    A card in the folder that somebody has written is left alone. A run that began with a model of the zoo whose licence
    holds for what is trained from it, such as `face`, or that learnt from it, has that licence, and its text is written
    beside the weights.

    Args:
        run: The folder of the run.
        output: The model folder.
        last: Write the newest weights instead. So it is done where there was no validation.
        training_state: Also write the other networks, with which another run can start.
        licence: Licence of the weights for the card, an SPDX name such as ``Apache-2.0``.

    Returns:
        What was written.

    Raises:
        UdsdError: The folder holds no run.
        WeightsError: The model folder cannot be written, or a weight is not finite.
        ConfigError: The licence is not that of the model which the run began with or learnt from, though it must be.
    """
    trained, folder = load_trained(Path(run), last=last), Path(output)
    is_written = _has_card_of_ones_own(folder)
    origin = trained.origin or origin_of_run(trained.config.run.init, trained.config.warm_start.teacher)
    licence = origin.licence_for(licence)
    if is_written:
        logger.info("%s is left as it is", folder / CARD_FILE)
    text, has_foreign_text = origin.licence_text, _has_licence_of_another_model(folder, licence)
    has_text = text is not None or ((folder / LICENCE_FILE).exists() and not has_foreign_text)
    facts = card_facts(trained, folder.name, licence, base_model=origin.repo, has_licence_file=has_text)
    save_model(trained.networks.deblur_model, folder, card=None if is_written else model_card(trained, facts))
    if text is not None:
        with _written(folder / LICENCE_FILE) as unfinished:
            unfinished.write_bytes(text)
    elif has_foreign_text:
        _remove_of_model_before(folder / LICENCE_FILE)
    if training_state:
        save_training_state(trained.networks, folder)
    else:
        _remove_of_model_before(folder / TRAINING_STATE)
    learnt = trained.config.blur.learnt
    if learnt and is_own(learnt, Path(run)) and Path(learnt).exists():
        _copy_blur(Path(learnt), folder / FILE_NAME)
    elif not is_written:
        _remove_of_model_before(folder / FILE_NAME)
    logger.info("%s", _described(trained))
    return trained


def _copy_blur(learnt: Path, target: Path) -> None:
    """Give the model what the run has learnt about blur, with which it estimates that of images."""
    if learnt.absolute() == target.absolute():
        return
    with _written(target) as unfinished:
        shutil.copyfile(learnt, unfinished)


def _has_licence_of_another_model(folder: Path, licence: str) -> bool:
    """Whether the text in the folder is of a licence with terms of its own, which is not that of the model to come."""
    try:
        first = read_limited(folder / LICENCE_FILE, LARGEST_CONFIG).partition(b"\n")[0].decode(errors="replace")
    except (OSError, ValueError):
        return False
    marked, name = first.partition("SPDX-License-Identifier:")[1:]
    return bool(marked) and name.strip().startswith(CUSTOM_LICENCE) and name.strip() != licence


def _remove_of_model_before(path: Path) -> None:
    """Remove what an earlier export left in the folder, and is not of the weights that lie there now.

    Raises:
        WeightsError: The file cannot be removed.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise WeightsError(f"cannot remove {path} of the model before ({error}); choose another folder") from error
    logger.warning("%s was of the model before, and is removed", path)


@contextmanager
def _written(path: Path) -> Iterator[Path]:
    try:
        with whole_file(path) as unfinished:
            yield unfinished
    except OSError as error:
        raise WeightsError(f"cannot write {path} ({error}); choose another folder") from error


def _has_card_of_ones_own(folder: Path) -> bool:
    path = folder / CARD_FILE
    if not path.exists():
        return False
    try:
        text = read_limited(path, LARGEST_CONFIG).decode()
    except (OSError, ValueError):
        return True
    return MARK not in text and text != MINIMAL_CARD


def _described(trained: TrainedRun) -> str:
    scores, step = trained.scores, trained.step
    scored = next((one for one in (scores.best, scores.last) if one is not None and one.step == step), None)
    if scored is None:
        return f"the weights of step {step:,}; they were not measured"
    best = "the best" if scored == scores.best else "not the best"
    return f"the weights of step {step:,}: {scores.name} {scored.value:.2f}, {best} of the run"
