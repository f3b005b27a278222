"""From a run to a model folder."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from udsd.atomic import whole_file
from udsd.errors import WeightsError
from udsd.estimation.estimator import FILE_NAME
from udsd.pretrained import save_model
from udsd.pretrained.folder import CARD_FILE, LARGEST_CONFIG, MINIMAL_CARD
from udsd.regular import read_limited
from udsd.training.card import MARK, model_card
from udsd.training.checkpoint import save_training_state
from udsd.training.runs import TrainedRun, load_trained

logger = logging.getLogger(__name__)


def export(run: str | Path, output: str | Path, *, last: bool = False, training_state: bool = False) -> TrainedRun:
    """Write the model folder of a run: the best weights by its validation, and a card that says what they are.

    A card in the folder that somebody has written is left alone.

    Args:
        run: The folder of the run.
        output: The model folder.
        last: Write the newest weights instead. So it is done where there was no validation.
        training_state: Also write the other networks, with which another run can start.

    Returns:
        What was written.

    Raises:
        UdsdError: The folder holds no run.
        WeightsError: The model folder cannot be written, or a weight is not finite.
    """
    trained, folder = load_trained(Path(run), last=last), Path(output)
    is_written = _has_card_of_ones_own(folder)
    if is_written:
        logger.info("%s is left as it is", folder / CARD_FILE)
    save_model(trained.networks.deblur_model, folder, card=None if is_written else model_card(trained))
    if training_state:
        save_training_state(trained.networks, folder)
    _copy_blur(Path(run), folder)
    logger.info("%s", _described(trained))
    return trained


def _copy_blur(run: Path, folder: Path) -> None:
    """Give the model what the run has learnt about blur, with which it estimates that of images."""
    if (run / FILE_NAME).exists():
        try:
            with whole_file(folder / FILE_NAME) as unfinished:
                shutil.copyfile(run / FILE_NAME, unfinished)
        except OSError as error:
            raise WeightsError(f"cannot write {folder / FILE_NAME} ({error}); choose another folder") from error


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
