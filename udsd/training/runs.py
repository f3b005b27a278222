"""The folder of a training run: whether a run may begin or go on there, and what it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from udsd.errors import ConfigError, UdsdError
from udsd.training.average import AveragedModel
from udsd.training.checkpoint import find_checkpoints, take_best, take_newest_checkpoint
from udsd.training.config import TrainingConfig
from udsd.training.networks import TrainingNetworks
from udsd.training.origin import Origin
from udsd.training.own_paths import found_paths, kept_paths
from udsd.training.recipe_files import CONFIG_FILE, LARGEST_RUN_FILE
from udsd.training.scores import RunScores

_SMALLEST_CROP_FOR_FOUR = 64
"""Pixels: a quarter of them are halved four times, and each time there must be two."""

_OF_NO_CONSEQUENCE = frozenset(
    [
        "data.cache_gigabytes",
        "data.worker_processes",
        "data.workers",
        "run.checkpoint_every",
        "run.device",
        "run.keep_checkpoints",
        "run.log_every",
        "run.sample_every",
        "run.vgg_weights",
    ]
)
"""Settings that a run may change whenever it goes on: they concern the machine, or what is written when."""


def check_start(config: TrainingConfig, output: Path, *, has_vgg: bool, has_teacher: bool, may_hold_run: bool) -> None:
    """Refuse a run that cannot be trained, before anything is read or written for it.

    Args:
        config: The whole run.
        output: Its folder.
        has_vgg: Whether VGG-19 is there.
        has_teacher: Whether there is a model to learn from.
        may_hold_run: Whether the folder may hold a run already.

    Raises:
        ConfigError: The run has no steps, a perceptual loss but no VGG-19, a teacher but no warm start, crops that are
            too small for its kernels, or a folder that holds a run.
    """
    if not config.has_stages:
        raise ConfigError("the run has no steps; give warm_start.steps, unpaired.steps or unpaired.epochs")
    if config.data.pairs and config.has_unpaired_stage:
        raise ConfigError("real pairs are for the warm start; the recipe has an unpaired stage too: leave it out")
    if config.needs_vgg and not has_vgg:
        raise ConfigError(
            "a perceptual loss needs VGG-19; give --vgg-weights FILE, or set loss.perceptual and "
            "loss.restoration_perceptual to 0"
        )
    if has_teacher != bool(config.warm_start.teacher):
        raise ConfigError("warm_start.teacher is to name the model that the run learns from; give both, or neither")
    if has_teacher and not config.restores_pairs:
        raise ConfigError(
            "a teacher is for the warm start, which this run has not; give warm_start.steps, or no teacher"
        )
    margin = config.branches.kernel_size // 2
    if config.has_unpaired_stage and config.branches.blur == "path" and config.data.crop_size <= margin:
        raise ConfigError(
            f"data.crop_size is {config.data.crop_size}, too small to be blurred by kernels of branches.kernel_size = "
            f"{config.branches.kernel_size}; give crops of {4 * (margin // 4 + 1)} pixels or more, or smaller kernels"
        )
    four = config.branches.discriminator_kernel == 4
    if config.has_unpaired_stage and four and config.data.crop_size < _SMALLEST_CROP_FOR_FOUR:
        raise ConfigError(
            f"data.crop_size is {config.data.crop_size}, too small for discriminators with kernels of 4 pixels "
            f"(branches.discriminator_kernel); give crops of {_SMALLEST_CROP_FOR_FOUR} pixels or more, or kernels of 3"
        )
    check_free(output, may_hold_run=may_hold_run)


def check_free(output: Path, *, may_hold_run: bool) -> None:
    """Refuse a folder that holds a run, unless it may.

    Raises:
        ConfigError: It does.
    """
    if find_checkpoints(output) and not may_hold_run:
        raise ConfigError(
            f"{output} holds a run already; go on with --resume, begin anew with --overwrite, or choose another"
        )


@contextmanager
def explain_full_disk(output: Path) -> Iterator[None]:
    """Say of what cannot be written that nothing is lost.

    Raises:
        UdsdError: In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise UdsdError(
            f"cannot write to {output} ({error.strerror or error}); the checkpoints before are intact: make room, then "
            "go on with --resume"
        ) from error


def make_folder(output: Path) -> None:
    """Make the folder of a run, unless it is there.

    Raises:
        ConfigError: It cannot be made.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {output} ({error.strerror}); choose another one") from error


def check_same_run(
    state: Mapping[str, Any],
    config: TrainingConfig,
    processes: int,
    output: Path,
    *,
    teacher: str = "",
    may_change: bool = False,
) -> list[str]:
    """Refuse to go on from a checkpoint with other networks, settings or teacher, or another number of processes.

    Args:
        state: What the checkpoint holds.
        config: The run that is to go on.
        processes: Number of its processes.
        output: Its folder, for messages.
        teacher: SHA-256 of the weights that it learns from; empty for none.
        may_change: Other settings are wanted. Those of the networks can never change.

    Returns:
        What has changed, such as ``run.seed from 0 to 1``.

    Raises:
        ConfigError: One of them is another.
        ValueError: The configuration in the checkpoint is broken.
    """
    saved = _config_of(state, output)
    before, now = (_network_settings(run) for run in (saved, config))
    if before != now:
        raise ConfigError(f"the run in {output} has other networks: {before}, not {now}; resume it with these")
    if len(state["random"]) != processes:
        raise ConfigError(
            f"the run in {output} has {len(state['random'])} process(es), not {processes}; start as many "
            "(accelerate launch --num_processes N, torchrun --nproc_per_node N)"
        )
    wanted = TrainingConfig.from_dict(found_paths(kept_paths(config.to_dict(), output), output))
    changed = changed_settings(saved, wanted)
    before_teacher = state.get("teacher", "")
    if before_teacher != teacher and saved.warm_start.teacher == config.warm_start.teacher:
        changed.append(
            f"the weights of {config.warm_start.teacher} from {before_teacher[:12]} to {teacher[:12]} (SHA-256)"
        )
    if changed and not may_change:
        raise ConfigError(
            f"the run in {output} has other settings: {'; '.join(changed)}; leave them as they were, or go on with "
            "--change-settings"
        )
    return changed


def changed_settings(before: TrainingConfig, now: TrainingConfig) -> list[str]:
    """The settings that differ and may make a difference to the weights, such as ``run.seed from 0 to 1``."""
    first, second = (_flat(config.to_dict()) for config in (before, now))
    names = [name for name in second if name not in _OF_NO_CONSEQUENCE and first.get(name) != second[name]]
    return [f"{name} from {_shown(first.get(name))} to {_shown(second[name])}" for name in names]


def with_settings(config: TrainingConfig, overrides: Mapping[str, Mapping[str, Any]]) -> TrainingConfig:
    """The same settings but for some, given by section and key.

    Raises:
        ConfigError: A setting is unknown or out of range.
    """
    values = config.to_dict()
    stage = overrides.get("unpaired", {})
    if stage.keys() & {"epochs", "decay_epochs"} and not stage.keys() & {"steps", "decay_steps"}:
        values["unpaired"] |= {"steps": 0, "decay_steps": 0}  # what the epochs of before were counted as
    for section, settings in overrides.items():
        values[section] = {**values.get(section, {}), **settings}
    return TrainingConfig.from_dict(values)


def read_run_config(output: Path) -> TrainingConfig | None:
    """The settings of the run in a folder; None if there is none.

    Raises:
        UdsdError: They cannot be read.
    """
    path = output / CONFIG_FILE
    if path.exists():
        return TrainingConfig.from_toml(path, largest=LARGEST_RUN_FILE)
    return take_newest_checkpoint(output, lambda state: _config_of(state, output))  # of an earlier version


@dataclass(frozen=True, slots=True, eq=False)
class TrainedRun:
    """What a run has come to.

    Attributes:
        config: Its settings.
        networks: All networks, the inference path with averaged weights.
        step: Steps after which they are as they are.
        scores: The scores up to then.
        data: What is known of its images (`TrainingCrops.facts`).
        origin: What it owes to the models that it began with or learnt from, as it was known at its start; None for a
            run of an earlier version.
    """

    config: TrainingConfig
    networks: TrainingNetworks
    step: int
    scores: RunScores
    data: Mapping[str, Any]
    origin: Origin | None = None


def load_trained(output: Path, *, last: bool = False) -> TrainedRun:
    """The best networks of a run by its validation.

    Args:
        output: The folder of the run.
        last: Take those of the newest checkpoint instead, as it is done where there was no validation.

    Raises:
        UdsdError: The folder holds no run.
    """

    def take(state: dict[str, Any]) -> TrainedRun:
        return _trained_of(state, output)

    run = None if last else take_best(output, take)
    run = run or take_newest_checkpoint(output, take)
    if run is None:
        raise UdsdError(f"{output} holds no checkpoint; give the --output folder of a training run")
    return run


def load_run(output: Path) -> tuple[TrainingConfig, TrainingNetworks]:
    """The configuration and the networks of a run's newest checkpoint, the inference path with averaged weights.

    Raises:
        UdsdError: The folder holds no run.
    """
    run = load_trained(output, last=True)
    return run.config, run.networks


def _trained_of(state: dict[str, Any], output: Path) -> TrainedRun:
    config, networks = _run_of(state, output)
    scores = RunScores.from_dict(state.get("scores", {}))
    origin = Origin.from_dict(state["origin"]) if "origin" in state else None
    return TrainedRun(config, networks, int(state["step"]), scores, state.get("data", {}), origin)


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Settings by their whole names, those of tables in tables as well."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return flat


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _run_of(state: dict[str, Any], output: Path) -> tuple[TrainingConfig, TrainingNetworks]:
    config = _config_of(state, output)
    networks = TrainingNetworks(config.model, config.branches, random_code=config.loss.random_code > 0)
    networks.load_state_dict(state["networks"])
    networks.deblur_model.load_state_dict(AveragedModel.weights_in(state["average"]))
    return config, networks


def _config_of(state: Mapping[str, Any], output: Path) -> TrainingConfig:
    """The configuration in a checkpoint; a wrong one is the file's fault, not that of whoever gave the settings."""
    try:
        return TrainingConfig.from_dict(found_paths(state["config"], output))
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _network_settings(config: TrainingConfig) -> dict[str, Any]:
    values = config.to_dict()
    values["branches"]["discriminator_width"] = config.branches.discriminator_width or config.model.base_width
    return {**values["model"], **values["branches"], "random_code": config.loss.random_code > 0}
