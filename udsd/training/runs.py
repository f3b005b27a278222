"""The folder of a training run: whether a run may begin or go on there, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from udsd.errors import ConfigError, UdsdError
from udsd.training.average import AveragedModel
from udsd.training.checkpoint import find_checkpoints, take_newest_checkpoint
from udsd.training.config import TrainingConfig
from udsd.training.networks import TrainingNetworks


def check_start(config: TrainingConfig, output: Path, *, has_vgg: bool, may_hold_run: bool) -> None:
    """Refuse a run that cannot be trained, before anything is read or written for it.

    Args:
        config: The whole run.
        output: Its folder.
        has_vgg: Whether VGG-19 is there.
        may_hold_run: Whether the folder may hold a run already.

    Raises:
        ConfigError: The run has no steps, a perceptual loss but no VGG-19, or a folder that holds a run.
    """
    if not config.has_stages:
        raise ConfigError("the run has no steps; give warm_start.steps, unpaired.steps or unpaired.epochs")
    if config.needs_vgg and not has_vgg:
        raise ConfigError(
            "a perceptual loss needs VGG-19; give --vgg-weights FILE, or set loss.perceptual and "
            "loss.restoration_perceptual to 0"
        )
    if find_checkpoints(output) and not may_hold_run:
        raise ConfigError(
            f"{output} holds a run already; go on with --resume, begin anew with --overwrite, or choose another"
        )


def make_folder(output: Path) -> None:
    """Make the folder of a run, unless it is there.

    Raises:
        ConfigError: It cannot be made.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {output} ({error.strerror}); choose another one") from error


def check_same_run(state: Mapping[str, Any], config: TrainingConfig, processes: int, output: Path) -> None:
    """Refuse to go on from a checkpoint with other networks or another number of processes.

    Args:
        state: What the checkpoint holds.
        config: The run that is to go on.
        processes: Number of its processes.
        output: Its folder, for messages.

    Raises:
        ConfigError: One of them is another.
        ValueError: The configuration in the checkpoint is broken.
    """
    before, now = (_network_settings(run) for run in (_config_of(state), config))
    if before != now:
        raise ConfigError(f"the run in {output} has other networks: {before}, not {now}; resume it with these")
    if len(state["random"]) != processes:
        raise ConfigError(
            f"the run in {output} has {len(state['random'])} process(es), not {processes}; start as many "
            "(accelerate launch --num_processes N, torchrun --nproc_per_node N)"
        )


def load_run(output: Path) -> tuple[TrainingConfig, TrainingNetworks]:
    """The configuration and the networks of a run's newest checkpoint, the inference path with averaged weights.

    Raises:
        UdsdError: The folder holds no run.
    """
    run = take_newest_checkpoint(output, _run_of)
    if run is None:
        raise UdsdError(f"{output} holds no checkpoint; give the --output folder of a training run")
    return run


def _run_of(state: dict[str, Any]) -> tuple[TrainingConfig, TrainingNetworks]:
    config = _config_of(state)
    networks = TrainingNetworks(config.model, config.branches, random_code=config.loss.random_code > 0)
    networks.load_state_dict(state["networks"])
    networks.deblur_model.load_state_dict(AveragedModel.weights_in(state["average"]))
    return config, networks


def _config_of(state: Mapping[str, Any]) -> TrainingConfig:
    """The configuration in a checkpoint; a wrong one is the file's fault, not that of whoever gave the settings."""
    try:
        return TrainingConfig.from_dict(state["config"])
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _network_settings(config: TrainingConfig) -> dict[str, Any]:
    values = config.to_dict()
    return {**values["model"], **values["branches"], "random_code": config.loss.random_code > 0}
