"""The training loop: a warm start, then the paper's unpaired objective, resumable at any step."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from udsd.device import resolve_dtype
from udsd.errors import ConfigError, UdsdError
from udsd.models import DeblurModel
from udsd.models.vgg import VGG19Features
from udsd.training.alarms import Alarms, diagnose
from udsd.training.checkpoint import clear_run, find_checkpoints, load_newest_checkpoint, save_checkpoint
from udsd.training.config import TrainingConfig
from udsd.training.data import UnpairedCrops
from udsd.training.losses import weighted_sum
from udsd.training.monitor import LossLog, SampleGrid
from udsd.training.networks import TrainingNetworks
from udsd.training.objectives import UnpairedObjective, warm_start_losses
from udsd.training.schedule import unpaired_rate, warm_start_rate

logger = logging.getLogger(__name__)


class Trainer:
    """Train the networks of one run.

    Args:
        config: The whole run.
        output: Folder of the run: checkpoints, ``losses.csv``, ``samples/``.
        device: Where the networks train.
        resume: Go on from the newest checkpoint in ``output`` if there is one.
        overwrite: Remove the run that ``output`` holds, once everything else is known to be right.
        vgg: VGG-19, for an unpaired stage with a perceptual loss.
        initial: A trained model to start from, of the configuration that ``config.model`` says. It has no blur branch:
            that starts from its twins. A resumed run goes on from its checkpoint instead.

    Raises:
        ConfigError: The run has no steps, a perceptual loss but no VGG-19, or a folder that cannot be made or holds
            a run already while ``resume`` and ``overwrite`` are false; or the run that is resumed has other networks.
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
    ) -> None:
        if config.total_steps == 0:
            raise ConfigError("the run has no steps; give warm_start.steps or unpaired.steps")
        if config.needs_vgg and vgg is None:
            raise ConfigError("loss.perceptual needs VGG-19; give --vgg-weights FILE, or set loss.perceptual=0")
        if find_checkpoints(output) and not (resume or overwrite):
            raise ConfigError(
                f"{output} holds a run already; go on with --resume, begin anew with --overwrite, or choose another"
            )
        self.config = config
        self.output = output
        self._device = device
        self._dtype = resolve_dtype(config.run.precision, device)
        self._random = np.random.default_rng(config.run.seed)
        torch.manual_seed(config.run.seed)
        self.networks = TrainingNetworks(config.model, config.branches, random_code=config.loss.random_code > 0)
        if initial is not None:
            self._start_from(initial)
        self.networks.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._objective = UnpairedObjective(self.networks, config.objective, config.loss, vgg and vgg.to(device))
        self._average = AveragedModel(
            self.networks.deblur_model,
            multi_avg_fn=get_ema_multi_avg_fn(config.run.ema_decay),  # type: ignore[no-untyped-call]
        )
        self._optimizers = self._make_optimizers()
        self._data = UnpairedCrops(config.data, config.blur, self._random)
        self._samples = SampleGrid(self._data, config.run.seed, output / "samples")
        self.step = 0
        self._stop = False
        _make_folder(output)
        if overwrite:
            clear_run(output)
        if resume:
            self._resume()

    @property
    def averaged_model(self) -> DeblurModel:
        """The inference path with averaged weights: what is exported."""
        return self._average.module  # type: ignore[return-value]

    def fit(self) -> None:
        """Train up to the configured number of steps, or until SIGINT or SIGTERM; always ends with a checkpoint.

        Raises:
            UdsdError: A loss is not finite. The checkpoints written before are intact.
        """
        run, total = self.config.run, self.config.total_steps
        log = LossLog(self.output / "losses.csv", resume_at=self.step)
        alarms = Alarms()
        with self._stop_on_signals(), tqdm(total=total, initial=self.step, unit="step", dynamic_ncols=True) as bar:
            while self.step < total and not self._stop:
                log.add(self._train_step())
                self.step += 1
                bar.update()
                if self.step % run.log_every == 0:
                    means = log.write(self.step)
                    alarms.check(means, self.step)
                    bar.set_postfix(means, refresh=False)
                if self.step % run.sample_every == 0:
                    self._samples.write(self.averaged_model, self.step, self._device)
                if self.step % run.checkpoint_every == 0:
                    self._save(log)
        if self.step % run.checkpoint_every:
            self._save(log)

    def _train_step(self) -> dict[str, Tensor]:
        if self.step < self.config.warm_start.steps:
            losses = self._warm_start_step()
        else:
            if self.step == self.config.warm_start.steps > 0:
                self.networks.start_blur_branch_from_twins()
            losses = self._unpaired_step()
        self._average.update_parameters(self.networks.deblur_model)
        return losses

    def _warm_start_step(self) -> dict[str, Tensor]:
        sharp, blurred = (self._to_device(batch) for batch in self._data.self_supervised_batch())
        with self._autocast():
            losses = warm_start_losses(self.networks, sharp, blurred)
        self._update("warm_start", losses, warm_start_rate(self.config.warm_start, self.step))
        return losses

    def _unpaired_step(self) -> dict[str, Tensor]:
        sharp, blurred = self._to_device(self._data.sharp_batch()), self._to_device(self._data.blurred_batch())
        rate = unpaired_rate(self.config.unpaired, self.step - self.config.warm_start.steps)
        self.networks.requires_grad_(True)
        _freeze(self.networks.discriminator_parameters(), frozen=True)
        with self._autocast():
            images = self._objective.translate(sharp, blurred)
            losses = self._objective.generator_losses(sharp, blurred, images)
        self._update("generators", losses, rate)
        _freeze(self.networks.discriminator_parameters(), frozen=False)
        with self._autocast():
            judgements = self._objective.discriminator_losses(sharp, blurred, images)
        self._update("discriminators", judgements, rate)
        return losses | judgements | diagnose(images, blurred)

    def _update(self, name: str, losses: dict[str, Tensor], rate: float) -> None:
        optimizer = self._optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = rate
        objective = torch.stack(list(losses.values())).sum()
        if name != "discriminators":
            objective = weighted_sum(losses, self.config.loss)
        optimizer.zero_grad(set_to_none=True)
        objective.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def _start_from(self, initial: DeblurModel) -> None:
        if initial.config != self.config.model:
            raise ConfigError(f"the model to start from is {initial.config}, the run wants {self.config.model}")
        self.networks.deblur_model.load_state_dict(initial.state_dict())
        self.networks.start_blur_branch_from_twins()
        logger.info("started from a trained model; the blur branch from its twins, the discriminators from nothing")

    def _make_optimizers(self) -> dict[str, torch.optim.Adam]:
        warm, unpaired, networks = self.config.warm_start, self.config.unpaired, self.networks
        return {
            "warm_start": torch.optim.Adam(networks.inference_parameters(), betas=warm.betas, fused=True),
            "generators": torch.optim.Adam(networks.generator_parameters(), betas=unpaired.betas, fused=True),
            "discriminators": torch.optim.Adam(networks.discriminator_parameters(), betas=unpaired.betas, fused=True),
        }

    def _to_device(self, batch: Tensor) -> Tensor:
        return batch.to(self._device, memory_format=torch.channels_last)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32)

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

    def _save(self, log: LossLog) -> None:
        log.write(self.step)  # raises on a loss that is not finite, whose weights would push out sound ones
        state: dict[str, Any] = {
            "step": self.step,
            "config": self.config.to_dict(),
            "networks": self.networks.state_dict(),
            "average": self._average.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()},
            "random": self._random.bit_generator.state,
            "torch_random": torch.get_rng_state(),
        }
        save_checkpoint(self.output, self.step, state, self.config.run.keep_checkpoints)

    def _resume(self) -> None:
        state = load_newest_checkpoint(self.output)
        if state is None:
            return
        before, now = _network_settings(state["config"]), _network_settings(self.config.to_dict())
        if before != now:
            raise ConfigError(f"the run in {self.output} has other networks: {before}, not {now}; resume it with these")
        self.step = state["step"]
        self.networks.load_state_dict(state["networks"])
        self._average.load_state_dict(state["average"])
        for name, optimizer in self._optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self._random.bit_generator.state = state["random"]
        torch.set_rng_state(state["torch_random"])
        logger.info("resumed %s at step %d", self.output, self.step)


def load_run(output: Path) -> tuple[TrainingConfig, DeblurModel]:
    """The configuration and the averaged inference path of a run's newest checkpoint.

    Raises:
        UdsdError: The folder holds no run.
    """
    state = load_newest_checkpoint(output)
    if state is None:
        raise UdsdError(f"{output} holds no checkpoint; give the --output folder of a training run")
    config = TrainingConfig.from_dict(state["config"])
    average = AveragedModel(DeblurModel(config.model))
    average.load_state_dict(state["average"])
    return config, average.module  # type: ignore[return-value]


def _network_settings(config: dict[str, Any]) -> dict[str, Any]:
    return {**config["model"], **config["branches"], "random_code": config["loss"]["random_code"] > 0}


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {folder} ({error.strerror}); choose another one") from error


def _freeze(parameters: list[torch.nn.Parameter], *, frozen: bool) -> None:
    for parameter in parameters:
        parameter.requires_grad_(not frozen)
