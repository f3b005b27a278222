"""The training loop: a warm start, then the paper's unpaired objective, resumable at any step."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from udsd.errors import UdsdError
from udsd.evaluation.vgg import VGG19Features
from udsd.models import DeblurModel
from udsd.training.alarms import Alarms
from udsd.training.checkpoint import clear_run, save_checkpoint, take_newest_checkpoint
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.image_lists import check_images, leave_out_shared, list_images
from udsd.training.learner import Learner
from udsd.training.lock import only_trainer
from udsd.training.monitor import LossLog, RunningMeans, SampleGrid
from udsd.training.networks import TrainingNetworks
from udsd.training.prefetch import prefetch
from udsd.training.processes import Processes
from udsd.training.runs import check_same_run, check_start, make_folder
from udsd.training.validation import Validation

logger = logging.getLogger(__name__)

_AGREE_EVERY = 10
"""Steps between checks, over all processes, whether one of them was asked to stop."""

_LOSSES_ON_BAR = 4
"""Losses on the progress bar, which has to fit a terminal; all are in losses.csv."""

_SAMPLE_STEP = 0
"""The step whose crops are in every sample grid, so that grids can be compared."""


class Trainer:
    """Train the networks of one run.

    Under ``accelerate launch`` or ``torchrun`` each process makes one; the first writes the files, in a folder that all
    must see.

    Args:
        config: The whole run.
        output: Folder of the run: checkpoints, ``losses.csv``, ``tensorboard/``, ``samples/``.
        device: Where the networks train.
        resume: Go on from the newest checkpoint in ``output`` if there is one.
        overwrite: Remove the run that ``output`` holds, after all other checks.
        vgg: VGG-19, for perceptual losses and to measure d_VGG in validation.
        initial: A trained model to start from, with the configuration ``config.model``, or narrower by a whole factor:
            it is then widened first. A resumed run goes on from its checkpoint instead.
        initial_state: The state of the other networks, saved with ``initial``. Without it E_S^c and G_B start as copies
            of E_B^c and G_S, and the discriminators from random weights.

    Raises:
        ConfigError: The run has no steps, a perceptual loss but no VGG-19, or a folder that cannot be made or holds
            a run already while ``resume`` and ``overwrite`` are false, or in which another trainer is at work; or the
            run that is resumed has other networks or another number of processes.
        WeightsError: There are checkpoints to resume from, but none is sound.
        ImageError: There are no images to train on.
    """

    def __init__(
        self,
        config: TrainingConfig,
        output: Path,
        device: torch.device,
        *,
        resume: bool = False,
        overwrite: bool = False,
        vgg: VGG19Features | None = None,
        initial: DeblurModel | None = None,
        initial_state: Mapping[str, Tensor] | None = None,
    ) -> None:
        check_start(config, output, has_vgg=vgg is not None, may_hold_run=resume or overwrite)
        self.processes = Processes(device)
        self._crops = TrainingCrops(
            config.data,
            config.blur,
            config.run.seed,
            process=self.processes.index,
            processes=self.processes.count,
            balance_white=config.model.balance_white,
            besides=output,
        )
        self.config = replace(config, unpaired=config.unpaired.counted_in_steps(self._crops.steps_per_epoch))
        self.output = output
        self.learner = Learner(self.config, self.processes, vgg, initial, initial_state)
        self._validation = self._make_validation(vgg)
        self._samples = SampleGrid(output / "samples")
        self.step = 0
        self._stop = False
        if self.processes.is_main:
            make_folder(output)
            with only_trainer(output):
                if overwrite:
                    clear_run(output)
        self.processes.wait()
        if resume:
            self._resume()

    @property
    def networks(self) -> TrainingNetworks:
        """All networks."""
        return self.learner.networks

    @property
    def averaged_model(self) -> DeblurModel:
        """The inference path with averaged weights: what is exported."""
        return self.learner.averaged_model

    def fit(self) -> None:
        """Train up to the configured number of steps, or until SIGINT or SIGTERM; always ends with a checkpoint.

        Raises:
            UdsdError: A loss is not finite, a file cannot be written, or another trainer is at work in the folder. The
                checkpoints written before are intact.
        """
        total, is_main = self.config.total_steps, self.processes.is_main
        means, alarms = RunningMeans(self.processes), Alarms()
        batches = prefetch(
            lambda step: self.learner.draw(self._crops, step), range(self.step, total), self.config.data.workers
        )
        with (
            only_trainer(self.output) if is_main else nullcontext(),
            self._stop_on_signals(),
            self._explain_full_disk(),
            _log_of(self.output, self.step, wanted=is_main) as log,
            closing(batches),
            tqdm(
                total=total,
                initial=self.step,
                unit="step",
                dynamic_ncols=True,
                disable=not is_main or sys.stderr is None,
            ) as bar,
        ):
            saved_at = -1
            for batch in batches:
                if self._asked_to_stop():
                    break
                means.add(self.learner.step(self.step, batch))
                self.step += 1
                bar.update()
                if self._is_due(self.config.run.log_every):
                    values = self._write_means(means, log)
                    alarms.check(values, self.step)
                    bar.set_postfix(dict(islice(values.items(), _LOSSES_ON_BAR)), refresh=False)
                if self._is_due(self.config.run.sample_every) and is_main:
                    self._samples.write(self._sample_columns(), self.step)
                if self._validation and log and self._is_due(self.config.run.validate_every):
                    log.write(self.step, self._validate(self._validation))
                if self._is_due(self.config.run.checkpoint_every):
                    self._save(means, log)
                    saved_at = self.step
            if saved_at != self.step:
                self._save(means, log)

    def _is_due(self, every: int) -> bool:
        return self.step % every == 0

    def _asked_to_stop(self) -> bool:
        # All processes must stop at the same step; agreeing on it at every step would slow them down.
        if self.processes.count > 1 and self.step % _AGREE_EVERY:
            return False
        return self.processes.any(self._stop)

    def _write_means(self, means: RunningMeans, log: LossLog | None) -> dict[str, float]:
        values = means.take(self.step)
        if log is not None:
            log.write(self.step, values)
        return values

    def _sample_columns(self) -> dict[str, Tensor]:
        if self.learner.in_warm_start(self.step - 1):
            return self.learner.restoration_samples(self._crops.pairs(_SAMPLE_STEP))
        return self.learner.translation_samples(self._crops.sharp(_SAMPLE_STEP), self._crops.blurred(_SAMPLE_STEP))

    def _validate(self, validation: Validation) -> dict[str, float]:
        scores = validation.scores(self.averaged_model, self.learner.device, self.learner.dtype)
        logger.info(
            "step %d: validation PSNR %.2f dB (blurred %.2f), SSIM %.3f (blurred %.3f)",
            self.step,
            scores["validation_psnr"],
            validation.blurred_psnr,
            scores["validation_ssim"],
            validation.blurred_ssim,
        )
        return scores

    def _make_validation(self, vgg: VGG19Features | None) -> Validation | None:
        data = self.config.data
        if not data.validation or not self.processes.is_main:
            return None
        trained_on = [*self._crops.sharp_pool.files, *self._crops.blurred_pool.files]
        held_out = check_images(list_images(data.validation, self.output), data.crop_size)
        held_out = leave_out_shared(held_out, trained_on, role="validation", other_role="training")
        return Validation(held_out, self.config.blur, vgg)

    @contextmanager
    def _stop_on_signals(self) -> Iterator[None]:
        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            self._stop = True

        self._stop = False
        before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def _explain_full_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UdsdError(
                f"cannot write to {self.output} ({error.strerror or error}); the checkpoints before are intact: make "
                "room, then go on with --resume"
            ) from error

    def _save(self, means: RunningMeans, log: LossLog | None) -> None:
        # Raises on a loss that is not finite: such weights must not replace good checkpoints.
        self._write_means(means, log)
        random = self.processes.gather(_random_state(self.learner.device))
        if not self.processes.is_main:
            return
        state: dict[str, Any] = {
            "step": self.step,
            "config": self.config.to_dict(),
            "random": random,
            **self.learner.state(),
        }
        save_checkpoint(self.output, self.step, state, self.config.run.keep_checkpoints)

    def _resume(self) -> None:
        take_newest_checkpoint(self.output, self._take)

    def _take(self, state: dict[str, Any]) -> None:
        check_same_run(state, self.config, self.processes.count, self.output)
        self.learner.load_state(state)
        self.step = int(state["step"])
        _set_random_state(state["random"][self.processes.index], self.learner.device)
        logger.info("resumed %s at step %d", self.output, self.step)


@contextmanager
def _log_of(output: Path, step: int, *, wanted: bool) -> Iterator[LossLog | None]:
    if not wanted:
        yield None
        return
    with LossLog(output, resume_at=step) as log:
        yield log


def _random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of the generators that blur codes are drawn from. Batches need none: they depend on the step alone."""
    state = {"cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def _set_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
