"""One training step: from a batch to new weights."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from udsd.consistency import made_consistent
from udsd.degradation import with_grain
from udsd.device import resolve_dtype
from udsd.errors import ConfigError
from udsd.evaluation.vgg import VGG19Features
from udsd.models import DeblurModel
from udsd.models.blocks import IMAGE_CHANNELS
from udsd.training.alarms import diagnose
from udsd.training.average import AveragedModel
from udsd.training.config import TrainingConfig
from udsd.training.crops import Crops
from udsd.training.data import TrainingCrops
from udsd.training.losses import weighted_sum
from udsd.training.networks import TrainingNetworks
from udsd.training.objectives import Translations, UnpairedObjective, warm_start_losses
from udsd.training.optimizers import load_moments, make_optimizer
from udsd.training.processes import Processes
from udsd.training.replay import ReplayPool
from udsd.training.schedule import unpaired_rate, warm_start_rate
from udsd.training.teacher import Teacher
from udsd.training.widening import widened

logger = logging.getLogger(__name__)

_NOT_OF_NETWORKS = ("balance_white", "consistent", "passes", "window", "domain", "input_scale")
"""Settings of a model that one to start from may have other values of."""

StepBatch = Mapping[str, Crops]
"""Crops of one step: ``pairs``, or ``sharp`` and ``blurred``, or all three."""


class Learner:
    """Trains the networks step by step, first in the warm start, then in the unpaired stage.

    Args:
        config: The whole run, its length in steps.
        processes: Those of the run.
        vgg: VGG-19, if there is a perceptual loss.
        initial: Weights to start from instead of random ones.
        initial_state: What `TrainingNetworks.training_state` returned for the run that ``initial`` is from. Without it
            E_S^c and G_B start as copies of E_B^c and G_S.
        teacher: A model to learn from, if there is one.

    Raises:
        ConfigError: The model to start from has other networks, or batches cannot be halved that are to be.

    Attributes:
        networks: All networks, on the device.
        dtype: Number format of the arithmetic.
    """

    def __init__(
        self,
        config: TrainingConfig,
        processes: Processes,
        vgg: VGG19Features | None = None,
        initial: DeblurModel | None = None,
        initial_state: Mapping[str, Tensor] | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        if config.objective.random_half and config.data.batch_size % (2 * processes.count):
            raise ConfigError(
                f"objective.random_half halves batches, and data.batch_size is {config.data.batch_size} for "
                f"{processes.count} process(es); give a multiple of {2 * processes.count}"
            )
        self.config = config
        self._processes = processes
        self.device = processes.device
        self.dtype = resolve_dtype(config.run.precision, self.device)
        torch.manual_seed(config.run.seed)  # the same initial weights in every process
        self.networks = TrainingNetworks(config.model, config.branches, random_code=config.loss.random_code > 0)
        self._has_trained_blur_branch = initial_state is not None
        self._has_begun_unpaired_stage = False
        if initial is not None:
            self._start_from(initial, initial_state)
        if not config.branches.blur_encoder:
            self.networks.silence_blur_encoder()
        self.networks.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._average = AveragedModel(self.networks.deblur_model, config.run.ema_decay)
        if vgg is not None:
            vgg = vgg.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective = UnpairedObjective(self.networks, config.objective, config.loss, vgg)
        self._restoration_vgg = vgg if config.loss.restoration_perceptual else None
        self._teacher = None if teacher is None else teacher.on(self.device)
        self._pools = self._make_pools()
        self._optimizers = self._make_optimizers()
        self._used: set[str] = set()
        self._compiled_losses: Callable[..., dict[str, Tensor]] | None = None
        if config.run.compile:
            self.networks.compile_parts()
            if self._teacher is not None:
                self._teacher.model.compile()
            # Random numbers are PyTorch's own, so that the codes are those of a run that is not compiled.
            self._compiled_losses = torch.compile(warm_start_losses, options={"fallback_random": True})
        torch.manual_seed(config.run.seed + 1 + processes.index)  # but other random codes

    @property
    def averaged_model(self) -> DeblurModel:
        """The inference path with averaged weights: what is exported."""
        return self._average.module

    @property
    def rates(self) -> dict[str, float]:
        """Learning rates of the newest step, by the name of the optimizer."""
        rates = {name: float(optimizer.param_groups[0]["lr"]) for name, optimizer in self._optimizers.items()}
        return {name: rates[name] for name in sorted(self._used)}

    def in_warm_start(self, step: int) -> bool:
        """Whether a step, counted from 0, belongs to the warm start."""
        return step < self.config.warm_start.steps

    def draw(self, crops: TrainingCrops, step: int) -> StepBatch:
        """Draw the batch of a step. Called from several threads at once."""
        if self.in_warm_start(step):
            return {"pairs": crops.pairs(step)}
        batch = {"sharp": crops.sharp(step), "blurred": crops.blurred(step)}
        return {**batch, "pairs": crops.pairs(step)} if self.config.unpaired.restoration else batch

    def step(self, step: int, batch: StepBatch) -> dict[str, Tensor]:
        """Update the networks; returns the losses of the step, still on the device."""
        self._used.clear()
        if self.in_warm_start(step):
            losses = self._warm_start_step(step, batch)
        else:
            # Not by the number of the step: a run may go on with a shorter warm start than it has had.
            if not self._has_begun_unpaired_stage:
                self._begin_unpaired_stage(step)
            losses = self._unpaired_step(step - self.config.warm_start.steps, batch)
        if self._used != {"discriminators"}:
            self._average.update(self.networks.deblur_model)
        return losses

    def translation_samples(self, sharp: Crops, blurred: Crops) -> dict[str, Tensor]:
        """The columns of a sample grid of the unpaired stage: b, s_b of the averaged model, b^, s, b_s, s^.

        No state changes.
        """
        devices = [self.device] if self.device.type == "cuda" else []
        self.networks.eval()
        with torch.no_grad(), torch.random.fork_rng(devices), self.autocast():
            torch.manual_seed(self.config.run.seed)
            real_sharp, real_blurred = sharp.to_device(self.device)[0], blurred.to_device(self.device)[1]
            images = self.objective.translate(real_sharp, real_blurred)
        self.networks.train()
        with torch.inference_mode():
            restored = self.averaged_model(real_blurred)
        return {
            "b: blurred": real_blurred,
            "s_b: restored": restored,
            "b^: blurred back": images.blurred_back,
            "s: sharp": real_sharp,
            "b_s: blurred": images.blurred,
            "s^: restored back": images.sharp_back,
        }

    def restoration_samples(self, pairs: Crops) -> dict[str, Tensor]:
        """The columns of a sample grid of the warm start: blurred, restored by the averaged model, sharp."""
        sharp, blurred = pairs.to_device(self.device)
        with torch.inference_mode():
            return {"blurred": blurred, "restored": self.averaged_model(blurred), "sharp": sharp}

    def state(self) -> dict[str, Any]:
        """The state that a resumed run needs, but for `pools`, which each process has its own of."""
        return {
            "networks": self.networks.state_dict(),
            "average": self._average.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()},
            "has_trained_blur_branch": self._has_trained_blur_branch,
            "has_begun_unpaired_stage": self._has_begun_unpaired_stage,
        }

    def pools(self) -> list[dict[str, Tensor]]:
        """The generated images of earlier steps that this process keeps, on the CPU."""
        return [{name: value.cpu() for name, value in pool.state_dict().items()} for pool in self._pools]

    def load_pools(self, saved: Sequence[Mapping[str, Tensor]]) -> None:
        """Load what `pools` returned; of other settings nothing is kept, and they are filled again."""
        for pool, values in zip(self._pools, saved, strict=False):
            if pool.images.shape == values["images"].shape:
                pool.load_state_dict(values)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned, or the state of a run that it is a part of."""
        self.networks.load_state_dict(state["networks"])
        self._average.load_state_dict(state["average"])
        for name, optimizer in self._optimizers.items():
            saved = state["optimizers"][name]
            if saved.keys() == optimizer.state_dict().keys():  # otherwise it is of another kind: moments from zero
                load_moments(optimizer, saved)
        self._has_trained_blur_branch = state["has_trained_blur_branch"]
        if "has_begun_unpaired_stage" in state:
            self._has_begun_unpaired_stage = state["has_begun_unpaired_stage"]
        else:  # of an earlier version, whose stages were told by the step alone
            self._has_begun_unpaired_stage = state["step"] > state["config"]["warm_start"]["steps"]

    def autocast(self) -> torch.autocast:
        """A context in which the networks compute in `dtype`."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def _begin_unpaired_stage(self, step: int) -> None:
        self._has_begun_unpaired_stage = True
        if step == 0:  # there was no warm start
            return
        if not self._has_trained_blur_branch:
            self.networks.initialise_blur_branch()
        self._average.begin_stage()

    def _warm_start_step(self, step: int, batch: StepBatch) -> dict[str, Tensor]:
        losses = self._restoration_losses(batch)
        self._update("warm_start", losses, warm_start_rate(self.config.warm_start, step))
        return losses

    def _unpaired_step(self, step: int, batch: StepBatch) -> dict[str, Tensor]:
        sharp = with_grain(batch["sharp"].to_device(self.device)[0])
        blurred = with_grain(batch["blurred"].to_device(self.device)[1])
        (sharp, other_sharp), (blurred, other_blurred) = map(self.objective.split, (sharp, blurred))
        rate = unpaired_rate(self.config.unpaired, step)
        losses: dict[str, Tensor] = {}
        if (step + 1) % self.config.unpaired.generator_every == 0:
            images, losses = self._generator_step(sharp, blurred, batch, rate)
        else:
            with torch.no_grad(), self.autocast():
                images = self.objective.translate(sharp, blurred)
        with self.autocast():
            discriminator_losses = self.objective.discriminator_losses(
                sharp, blurred, images, self._pools, (other_sharp, other_blurred)
            )
        self._update("discriminators", discriminator_losses, rate * self.config.unpaired.discriminator_rate)
        code_matters = self.networks.has_blur_network and self.networks.has_blur_encoder
        return losses | discriminator_losses | diagnose(images, blurred, code_matters=code_matters)

    def _generator_step(
        self, sharp: Tensor, blurred: Tensor, batch: StepBatch, rate: float
    ) -> tuple[Translations, dict[str, Tensor]]:
        """Update encoders and generators; returns the images of before the update, and the losses."""
        discriminators = self.networks.discriminator_parameters()
        _freeze(discriminators, frozen=True)
        with self.autocast():
            images = self.objective.translate(sharp, blurred)
            losses = self.objective.generator_losses(sharp, blurred, images)
        if self.config.unpaired.restoration:
            restoration = self._restoration_losses(batch)
            losses["kl"] = losses["kl"] + restoration.pop("kl")
            losses |= restoration
        self._update("generators", losses, rate)
        _freeze(discriminators, frozen=False)
        return images, losses

    def _restoration_losses(self, batch: StepBatch) -> dict[str, Tensor]:
        sharp, blurred = batch["pairs"].to_device(self.device)
        blurred = with_grain(blurred)
        losses, size = self._compiled_losses or warm_start_losses, self.config.objective.perceptual_size
        with self.autocast():
            target = None if self._teacher is None else self._teacher.target(sharp, blurred)
            shown = with_grain(self._restored_once(blurred))  # black again, for instance
            return losses(self.networks, sharp, shown, self._restoration_vgg, size, target)

    @torch.no_grad()
    def _restored_once(self, blurred: Tensor) -> Tensor:
        """The crops of a batch, the first of them as the networks restore them, made to explain what they were."""
        wanted = self.config.warm_start.second_pass * len(blurred)
        count = int(wanted)
        if wanted > count:  # its part of one crop by chance, so that small batches have the share on average
            count += int(torch.rand(()) < wanted - count)
        if not count:
            return blurred
        shown, pictures = blurred.clone(), blurred[:count].clamp(-1, 1)
        restored = self.networks.deblur_model(pictures).float().clamp(-1, 1)
        for result, picture in zip(restored, pictures, strict=True):
            made_consistent(result, picture, device=self.device)
        shown[:count] = restored
        return shown

    def _update(self, name: str, losses: Mapping[str, Tensor], rate: float) -> None:
        optimizer = self._optimizers[name]
        self._used.add(name)
        for group in optimizer.param_groups:
            group["lr"] = rate
        objective = torch.stack(list(losses.values())).sum()
        if name != "discriminators":
            objective = weighted_sum(losses, self.config.loss)
        optimizer.zero_grad(set_to_none=True)
        objective.backward()  # type: ignore[no-untyped-call]
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self._processes.average_gradients(parameters)
        if self.config.run.clip_gradients:
            nn.utils.clip_grad_norm_(parameters, self.config.run.clip_gradients)
        optimizer.step()

    def _start_from(self, initial: DeblurModel, state: Mapping[str, Tensor] | None) -> None:
        wanted = self.config.model
        # What pictures a model is for, and what becomes of its restorations, is nothing of its networks.
        own = {name: getattr(wanted, name) for name in _NOT_OF_NETWORKS}
        found = replace(initial.config, **own)
        if found != replace(wanted, base_width=found.base_width):
            raise ConfigError(
                f"the model to start from is {initial.config}, the run wants {wanted}; only base_width, "
                f"{', '.join(_NOT_OF_NETWORKS[:-1])} and {_NOT_OF_NETWORKS[-1]} may differ"
            )
        if initial.config.base_width != wanted.base_width:
            logger.info("widening the model from %d to %d", initial.config.base_width, wanted.base_width)
            initial = widened(initial, wanted.base_width)
        self.networks.deblur_model.load_state_dict(initial.state_dict())
        if state is None:
            self.networks.initialise_blur_branch()
            logger.info(
                "started from a trained model; E_S^c and G_B are copies of E_B^c and G_S, discriminators are random"
            )
        else:
            self.networks.load_training_state(state)
            logger.info("started from a trained model and the state of its training")

    def _make_pools(self) -> list[ReplayPool]:
        size, crop = self.config.objective.replay_pool, self.config.data.crop_size
        shape = (IMAGE_CHANNELS, crop, crop)
        return [ReplayPool(size, shape).to(self.device) for _ in range(2 if size else 0)]

    def _make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        warm, unpaired, networks = self.config.warm_start, self.config.unpaired, self.networks

        def adam(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
            return make_optimizer("adam", parameters, unpaired.betas, unpaired.weight_decay)

        return {
            "warm_start": make_optimizer(warm.optimizer, networks.inference_parameters(), warm.betas),
            "generators": adam(networks.generator_parameters()),
            "discriminators": adam(networks.discriminator_parameters()),
        }


def _freeze(parameters: list[nn.Parameter], *, frozen: bool) -> None:
    for parameter in parameters:
        parameter.requires_grad_(not frozen)
