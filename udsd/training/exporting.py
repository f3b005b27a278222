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
from udsd.pretrained.card import MINIMAL_CARD
from udsd.pretrained.contents import LICENCE_FILE
from udsd.pretrained.folder import CARD_FILE, LARGEST_CONFIG
from udsd.regular import read_limited
from udsd.training.card import MARK, card_facts, model_card
from udsd.training.checkpoint import save_training_state
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
    text = origin.licence_text
    has_text = text is not None or (folder / LICENCE_FILE).exists()
    facts = card_facts(trained, folder.name, licence, base_model=origin.repo, has_licence_file=has_text)
    save_model(trained.networks.deblur_model, folder, card=None if is_written else model_card(trained, facts))
    if text is not None:
        with _written(folder / LICENCE_FILE) as unfinished:
            unfinished.write_bytes(text)
    if training_state:
        save_training_state(trained.networks, folder)
    _copy_blur(trained, Path(run), folder)
    logger.info("%s", _described(trained))
    return trained


def _copy_blur(trained: TrainedRun, run: Path, folder: Path) -> None:
    """Give the model what the run has learnt about blur, with which it estimates that of images."""
    learnt = trained.config.blur.learnt
    if learnt and is_own(learnt, run) and Path(learnt).exists():
        with _written(folder / FILE_NAME) as unfinished:
            shutil.copyfile(learnt, unfinished)


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
