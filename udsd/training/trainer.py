"""The training loop: a warm start, then the paper's unpaired objective, resumable at any step."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from udsd.evaluation.vgg import VGG19Features
from udsd.models import DeblurModel
from udsd.training.alarms import Alarms
from udsd.training.checkpoint import find_checkpoints, save_checkpoint, take_newest_checkpoint
from udsd.training.clearing import clear_run, clear_unused_images
from udsd.training.config import TrainingConfig
from udsd.training.data import TrainingCrops
from udsd.training.learner import Learner
from udsd.training.lock import only_trainer
from udsd.training.monitor import LossLog, RunningMeans, SampleGrid
from udsd.training.networks import TrainingNetworks
from udsd.training.origin import Origin, origin_of_run
from udsd.training.own_paths import kept_paths
from udsd.training.prefetch import prefetch
from udsd.training.processes import Processes, random_state, set_random_state
from udsd.training.progress import Callback, Progress, TrainingUpdate, duration
from udsd.training.recipe_files import write_config
from udsd.training.runs import check_same_run, check_start, explain_full_disk, make_folder
from udsd.training.selection import Selection
from udsd.training.stopping import Stopping
from udsd.training.summary import below_start, closing_lines, log_lines, opening_lines
from udsd.training.teacher import Teacher
from udsd.training.validation import make_validations

logger = logging.getLogger(__name__)

_SAMPLE_STEP = 0
"""The step whose crops are in every sample grid, so that grids can be compared."""

_EARLY_SAMPLES = (50, 100, 200, 400)
"""Steps with a sample grid whatever ``run.sample_every``: a run that goes wrong shows it early."""


class Trainer:
    """Train the networks of one run.

    Under ``accelerate launch`` or ``torchrun`` each process makes one; the first writes the files, in a folder that all
    must see.

    Args:
        config: The whole run.
        output: Folder of the run: settings, checkpoints, ``best.pt``, ``losses.csv``, ``tensorboard/``, ``samples/``.
        device: Where the networks train.
        resume: Go on from the newest checkpoint in ``output`` if there is one.
        overwrite: Remove the run that ``output`` holds, after all other checks.
        change_settings: A resumed run may go on with other settings than it had.
        dry_run: Write nothing; `fit` is not to be called.
        vgg: VGG-19, for perceptual losses and to measure d_VGG in validation.
        initial: A trained model to start from, with networks as ``config.model`` has them, or narrower by a whole
            factor: it is then widened first. A resumed run goes on from its checkpoint instead.
        initial_state: The state of the other networks, saved with ``initial``. Without it E_S^c and G_B start as copies
            of E_B^c and G_S, and the discriminators from random weights.
        teacher: A model to learn from in the warm start, if the settings name one. A run that goes on needs it too.
        callback: Called with what is new.

    Raises:
        ConfigError: The run has no steps, a perceptual loss but no VGG-19, or a folder that cannot be made or holds
            a run already while ``resume`` and ``overwrite`` are false, or in which another trainer is at work; or the
            run that is resumed has other networks, other settings, another teacher or another number of processes.
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
        change_settings: bool = False,
        dry_run: bool = False,
        vgg: VGG19Features | None = None,
        initial: DeblurModel | None = None,
        initial_state: Mapping[str, Tensor] | None = None,
        teacher: Teacher | None = None,
        callback: Callback | None = None,
    ) -> None:
        check_start(
            config,
            output,
            has_vgg=vgg is not None,
            has_teacher=teacher is not None,
            may_hold_run=resume or overwrite,
        )
        self.processes = Processes(device)
        self._crops = TrainingCrops(
            config.data,
            config.blur,
            config.run.seed,
            process=self.processes.index,
            processes=self.processes.count,
            balance_white=config.model.balance_white,
            input_scale=config.model.input_scale,
            besides=output,
        )
        self.config = replace(config, unpaired=config.unpaired.counted_in_steps(self._crops.steps_per_epoch))
        self._facts = self._crops.facts(unpaired=self.config.has_unpaired_stage)
        self.output = output
        self.learner = Learner(self.config, self.processes, vgg, initial, initial_state, teacher)
        self._teacher_sha256 = "" if teacher is None else teacher.sha256
        self._origin = origin_of_run(config.run.init, config.warm_start.teacher)
        self.selection = self._make_selection(vgg)
        self._samples = SampleGrid(output / "samples")
        self._stopping = Stopping(self.processes)
        self._callback = callback
        self._may_change_settings = change_settings
        self._settings_changed = False
        self.step = 0
        if self.processes.is_main and not dry_run:
            make_folder(output)
            with only_trainer(output):
                if overwrite:
                    clear_run(output, config.blur.learnt)
                if not find_checkpoints(output):
                    clear_unused_images(output, config)
        self.processes.wait()
        if resume:
            take_newest_checkpoint(output, self._take)

    @property
    def networks(self) -> TrainingNetworks:
        """All networks."""
        return self.learner.networks

    @property
    def averaged_model(self) -> DeblurModel:
        """The inference path with averaged weights: what is exported."""
        return self.learner.averaged_model

    def opening_lines(self) -> list[str]:
        """What the run is going to do, in a few lines."""
        return opening_lines(
            self.config,
            self.output,
            self._crops,
            self.selection,
            step=self.step,
            device=self.learner.device,
            dtype=self.learner.dtype,
            processes=self.processes.count,
        )

    def fit(self) -> None:
        """Train up to the configured number of steps, or until SIGINT or SIGTERM; always ends with a checkpoint.

        Raises:
            UdsdError: A loss is not finite, a file cannot be written, or another trainer is at work in the folder. The
                checkpoints written before are intact.
        """
        is_main, began = self.processes.is_main, time.monotonic()
        if is_main:
            log_lines(self.opening_lines())
        with (
            only_trainer(self.output) if is_main else nullcontext(),
            self._stopping.on_signals(),
            self._loss_log() as log,
        ):
            self._train(log)
        if is_main:
            warning = below_start(self.selection.scores)
            if warning is not None:
                logger.warning("%s", warning)
            spent = duration(time.monotonic() - began)
            log_lines(closing_lines(self.output, self.step, self.config.total_steps, spent, self.selection.scores))
        self.processes.wait()  # until the first has written all, which the others may read now

    def _loss_log(self) -> AbstractContextManager[LossLog | None]:
        """The log of the first process; the others have none."""
        if not self.processes.is_main:
            return nullcontext()
        with explain_full_disk(self.output):
            return LossLog(self.output, self.step)

    def _train(self, log: LossLog | None) -> None:
        total, means, alarms = self.config.total_steps, RunningMeans(self.processes), Alarms()
        saved_at = self._begin(log, means)
        data = self.config.data
        draw, steps = partial(self.learner.draw, self._crops), range(self.step, total)
        batches = prefetch(draw, steps, data.workers, in_processes=data.worker_processes)
        with closing(batches), Progress(self.step, total, shown=self.processes.is_main) as progress:
            for batch in batches:
                if self._stopping.is_due(self.step):
                    break
                progress.begin_stage(*self._stage(self.step))
                means.add(self.learner.step(self.step, batch))
                self.step += 1
                progress.advance()
                losses: dict[str, float] = {}
                if self._is_due(self.config.run.log_every):
                    losses = self._write_means(means, log)
                    alarms.check(losses, self.step)
                    progress.show(losses)
                if self._is_due(self.config.run.sample_every) or self.step in _EARLY_SAMPLES:
                    self._write_samples(log)
                is_measured = self._is_due(self.config.run.validate_every) or self.step == total
                scores = self._measure(log) if is_measured else {}
                if losses or scores:
                    self._tell_callback(losses, scores, progress.seconds_left)
                if self._is_due(self.config.run.checkpoint_every):
                    self._save(means, log)
                    saved_at = self.step
        if saved_at != self.step:
            self._save(means, log)

    def _begin(self, log: LossLog | None, means: RunningMeans) -> int:
        """What comes before the first step; returns the step of the newest checkpoint that was written, or -1."""
        if self.processes.is_main:
            with explain_full_disk(self.output):
                write_config(kept_paths(self.config.to_dict(), self.output), self.output)
            if not self.selection.is_measured:
                scores = self._measure(log)
                self._tell_callback({}, scores, None)
        if not self._settings_changed:
            return -1
        self._save(means, log)  # with the new settings: from now on they are the run's
        return self.step

    def _is_due(self, every: int) -> bool:
        return self.step % every == 0

    def _stage(self, step: int) -> tuple[str, int]:
        """The name of the stage that a step, counted from 0, belongs to, and the step at which it ends."""
        if self.learner.in_warm_start(step):
            return "warm start", self.config.warm_start.steps
        return "unpaired", self.config.total_steps

    def _write_means(self, means: RunningMeans, log: LossLog | None) -> dict[str, float]:
        values = means.take(self.step)
        if log is not None and values:
            with explain_full_disk(self.output):
                log.write(self.step, values)
                log.show(self.step, self.learner.rates)
        return values

    def _write_samples(self, log: LossLog | None) -> None:
        if log is None:
            return
        if self.learner.in_warm_start(self.step - 1):
            columns = self.learner.restoration_samples(self._crops.pairs(_SAMPLE_STEP))
        else:
            columns = self.learner.translation_samples(
                self._crops.sharp(_SAMPLE_STEP), self._crops.blurred(_SAMPLE_STEP)
            )
        with explain_full_disk(self.output):
            log.show_picture(self.step, self._samples.write(columns, self.step))

    def _measure(self, log: LossLog | None) -> dict[str, float]:
        if log is None or not self.selection.validations:
            return {}
        scores, is_best = self.selection.measure(
            self.step, self.averaged_model, self.learner.device, self.learner.dtype
        )
        with explain_full_disk(self.output):
            log.write(self.step, scores)
            if is_best:
                self.selection.save(self._state_of_best())
        return scores

    def _tell_callback(
        self, losses: Mapping[str, float], scores: Mapping[str, float], seconds_left: float | None
    ) -> None:
        if self._callback is None or not self.processes.is_main:
            return
        stage, _ = self._stage(max(self.step - 1, 0))
        update = TrainingUpdate(self.step, self.config.total_steps, stage, losses, scores, seconds_left)
        if self._callback(update) is True:
            self._stopping.ask()

    def _make_selection(self, vgg: VGG19Features | None) -> Selection:
        if not self.processes.is_main:
            return Selection([], self.output)
        validations = make_validations(self.config.data, self.config.blur, self._crops, vgg, self.output)
        return Selection(validations, self.output)

    def _save(self, means: RunningMeans, log: LossLog | None) -> None:
        # Raises on a loss that is not finite: such weights must not replace good checkpoints.
        self._write_means(means, log)
        random = self.processes.gather(random_state(self.learner.device))
        pools = self.processes.gather(self.learner.pools())
        if not self.processes.is_main:
            return
        state = {**self._state_of_run(), "random": random, "pools": pools, **self.learner.state()}
        with explain_full_disk(self.output):
            save_checkpoint(self.output, self.step, state, self.config.run.keep_checkpoints)

    def _state_of_run(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "config": kept_paths(self.config.to_dict(), self.output),
            "teacher": self._teacher_sha256,
            "origin": self._origin.to_dict(),
            "scores": self.selection.scores.to_dict(),
            "data": self._facts,
        }

    def _state_of_best(self) -> dict[str, Any]:
        """What an export needs: the networks, without the optimizers."""
        learnt = self.learner.state()
        return {**self._state_of_run(), "networks": learnt["networks"], "average": learnt["average"]}

    def _take(self, state: dict[str, Any]) -> None:
        changed = check_same_run(
            state,
            self.config,
            self.processes.count,
            self.output,
            teacher=self._teacher_sha256,
            may_change=self._may_change_settings,
        )
        if "origin" in state:  # an earlier version kept none
            # That of the start: the model's folder may be gone, or another, while its licence holds on.
            self._origin = Origin.from_dict(state["origin"]).taught_by(self.config.warm_start.teacher)
        self.learner.load_state(state)
        self.learner.load_pools(_of_process(state["pools"], self.processes.index))
        self.step = int(state["step"])
        if self.processes.is_main:  # the others measure nothing
            self.selection.resume(state.get("scores", {}), self.step)
        set_random_state(state["random"][self.processes.index], self.learner.device)
        self._settings_changed = bool(changed)
        logger.info("resumed %s at step %d", self.output, self.step)
        for line in changed:
            logger.warning("changed: %s", line)


def _of_process(pools: Sequence[Any], index: int) -> Sequence[Mapping[str, Tensor]]:
    """The pools of a process; an earlier version kept those of the first process alone."""
    if pools and isinstance(pools[0], Mapping):
        return pools
    own: Sequence[Mapping[str, Tensor]] = pools[index] if index < len(pools) else ()
    return own
