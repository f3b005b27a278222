"""The configuration of a training run: one tree of frozen dataclasses, read from a TOML recipe."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from udsd.degradation import BlurConfig
from udsd.errors import ConfigError
from udsd.models import ModelConfig
from udsd.regular import read_limited
from udsd.settings import build_settings
from udsd.training.data_config import DataConfig
from udsd.training.losses import LossWeights
from udsd.training.networks import BranchConfig
from udsd.training.objectives import ObjectiveConfig
from udsd.training.optimizers import OptimizerName
from udsd.training.own_paths import found_paths

_LARGEST_RECIPE = 1 << 14
"""Bytes; the bundled ones have up to 2,000. (Of a key of many dots tomllib takes the square of its length in time.)"""

_DEEPEST_RECIPE = 8
"""Levels of tables and lists with their values; a recipe has four."""

_SELDOM = 100

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class WarmStartConfig:
    """The self-supervised stage before the unpaired one; not in the paper.

    A sharp crop is blurred with a synthetic kernel and restored by E_B^c, E^b and G_S: the second half of the cycle
    s -> b_s -> s^, with a physical blur in place of the generator G_B.

    Attributes:
        steps: Number of steps; 0 leaves the stage out, as the paper does.
        optimizer: ``"adam"``; or ``"muon"``, Muon for the kernels of convolutions and Adam for the rest. A step of
            narrow networks then takes a third longer on a CPU, but far fewer steps reach the same loss. Needs
            PyTorch 2.9.
        learning_rate: Highest rate, reached after ``ramp_steps``, held, then lowered along a cosine over the last
            ``decay_share`` of the steps. One value suits both optimizers.
        betas: Adam's decay rates of the two moments.
        ramp_steps: Steps over which the rate rises from zero.
        decay_share: Share of the steps, at the end of the stage, over which the rate falls to zero.
        teacher: A model of the zoo, a model folder or a Hub repository to learn from, most often a wider one: restored
            images are compared with a blend of the sharp ones and of what it makes of the same blurred ones. None if
            empty. It must have the white balance of the run. (Perceptual losses compare with the sharp images.)
        teacher_share: Part of the teacher in that blend, from 0 to 1.
        second_pass: Share of the crops, from 0 to 1, that are shown as the networks have restored them, made to explain
            their blurred crop (`udsd.consistency`): what a model of several ``passes`` is shown in its second. It takes
            large crops, 160 px or more: in small ones no kernel is found.
    """

    steps: int = 0
    optimizer: OptimizerName = "adam"
    learning_rate: float = 5e-4
    betas: tuple[float, float] = (0.9, 0.99)
    ramp_steps: int = 200
    decay_share: float = 0.4
    teacher: str = ""
    teacher_share: float = 0.7
    second_pass: float = 0.0

    def __post_init__(self) -> None:
        _check_optimizer(self.learning_rate, self.betas)
        _check_counts("warm_start", self, "steps", "ramp_steps")
        if not 0 < self.decay_share <= 1:
            raise ConfigError(f"decay_share is {self.decay_share}; give a number above 0, up to 1")
        if not 0 <= self.teacher_share <= 1:
            raise ConfigError(f"teacher_share is {self.teacher_share}; give a number from 0 to 1")
        if not 0 <= self.second_pass <= 1:
            raise ConfigError(f"second_pass is {self.second_pass}; give a number from 0 to 1")


@dataclass(frozen=True, slots=True)
class UnpairedConfig:
    """The unpaired adversarial stage of the paper.

    Its length is given in epochs or in steps; steps take precedence.

    Attributes:
        steps: Steps at the full learning rate.
        decay_steps: Steps of decay after them.
        epochs: Epochs instead of steps (the paper: 40). In an epoch as many crops are drawn as there are sharp images.
        decay_epochs: Epochs instead of decay_steps (the paper: 40).
        decay: ``"exponential"``, down to a hundredth, as in the paper (the hundredth is ours); or ``"linear"``, down to
            zero, as in the authors' released code.
        learning_rate: Adam's rate.
        discriminator_rate: The discriminators' learning rate in units of the generators' (the paper: 1).
        ramp_steps: Steps over which both rise from zero (the paper: none).
        betas: Adam's decay rates of the two moments.
        weight_decay: Adam's weight decay, of all networks; 1e-4 in the released code. The paper has none.
        generator_every: Encoders and generators are updated at every so many steps, discriminators at each; 2 in the
            released code.
        restoration: Keep the warm start's losses, added to the unpaired ones.
    """

    steps: int = 0
    decay_steps: int = 0
    epochs: int = 0
    decay_epochs: int = 0
    decay: Literal["exponential", "linear"] = "exponential"
    learning_rate: float = 2e-4
    discriminator_rate: float = 1.0
    ramp_steps: int = 0
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 0.0
    generator_every: int = 1
    restoration: bool = False

    def __post_init__(self) -> None:
        _check_optimizer(self.learning_rate, self.betas)
        _check_counts("unpaired", self, "steps", "decay_steps", "epochs", "decay_epochs", "ramp_steps")
        if not 0 < self.discriminator_rate <= 100:
            raise ConfigError(f"discriminator_rate is {self.discriminator_rate}; give a factor above 0, up to 100")
        if not 0 <= self.weight_decay <= 1:
            raise ConfigError(f"weight_decay is {self.weight_decay}; give a number from 0 to 1")
        if not 1 <= self.generator_every <= _SELDOM:
            raise ConfigError(f"generator_every is {self.generator_every}; give 1 to {_SELDOM} steps")

    def counted_in_steps(self, steps_per_epoch: int) -> UnpairedConfig:
        """The same stage with its length in steps; epochs are converted unless steps are given."""
        stage = replace(self, epochs=0, decay_epochs=0)
        if self.steps or self.decay_steps:
            return stage
        return replace(stage, steps=self.epochs * steps_per_epoch, decay_steps=self.decay_epochs * steps_per_epoch)


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How a run is computed, logged and saved.

    Attributes:
        seed: Seed of the initial weights and of all random draws.
        precision: Number format of the networks' arithmetic; ``auto`` takes bfloat16 where it is fast.
        ema_decay: Highest decay of the exponential moving average of the inference path's weights, which sample grids,
            validation and exported models use; at the beginning of a stage it is lower
            (`udsd.training.average`). 0 switches it off.
        checkpoint_every: Steps between checkpoints.
        keep_checkpoints: Number of the newest checkpoints that are kept.
        sample_every: Steps between sample grids; there are some after 50, 100, 200 and 400 steps as well.
        log_every: Steps between entries of losses.csv, each the mean over those steps. A checkpoint writes one as well.
        validate_every: Steps between scores on the images of ``data.validation`` and ``data.validation_pairs``, which
            are also taken before the first step and after the last.
        clip_gradients: Gradients of one update are scaled down to this norm if theirs is larger. 0, as in the paper,
            leaves them as they are.
        compile: Compile the networks, and the warm start's losses as a whole (torch.compile). The first step then takes
            minutes; meant for GPUs. Needs a C++ compiler, for GPUs Triton as well.
        device: Where the networks train: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        init: A model of the zoo, a model folder or a Hub repository to start from; none if empty.
        vgg_weights: A file of VGG-19; torchvision downloads it if empty.
    """

    seed: int = 0
    precision: Precision = "auto"
    ema_decay: float = 0.999
    checkpoint_every: int = 1000
    keep_checkpoints: int = 2
    sample_every: int = 1000
    log_every: int = 50
    validate_every: int = 1000
    clip_gradients: float = 0.0
    compile: bool = False
    device: str = "auto"
    init: str = ""
    vgg_weights: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed is {self.seed}; give a whole number from 0 to less than 2^63")
        if not 0 <= self.ema_decay < 1:
            raise ConfigError(f"ema_decay is {self.ema_decay}; give a number from 0 to less than 1")
        for name in ("checkpoint_every", "keep_checkpoints", "sample_every", "log_every", "validate_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give at least 1")
        if not 0 <= self.clip_gradients < math.inf:
            raise ConfigError(f"clip_gradients is {self.clip_gradients}; give a norm, or 0 to leave gradients alone")


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """A whole training run. A recipe's TOML tables are the fields of this class."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    blur: BlurConfig = field(default_factory=BlurConfig)
    branches: BranchConfig = field(default_factory=BranchConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    loss: LossWeights = field(default_factory=LossWeights)
    warm_start: WarmStartConfig = field(default_factory=WarmStartConfig)
    unpaired: UnpairedConfig = field(default_factory=UnpairedConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        if not self.branches.blur_encoder and self.loss.latent:
            raise ConfigError(
                "branches.blur_encoder is false and loss.latent has a weight; without E^b there is no latent "
                "regression: leave out one of them"
            )

    @property
    def total_steps(self) -> int:
        """Steps of all stages; epochs are not counted."""
        return self.warm_start.steps + self.unpaired.steps + self.unpaired.decay_steps

    @property
    def has_unpaired_stage(self) -> bool:
        """Whether there is an unpaired stage."""
        unpaired = self.unpaired
        return unpaired.steps + unpaired.decay_steps + unpaired.epochs + unpaired.decay_epochs > 0

    @property
    def has_stages(self) -> bool:
        """Whether there is any stage."""
        return self.warm_start.steps > 0 or self.has_unpaired_stage

    @property
    def restores_pairs(self) -> bool:
        """Whether any stage has the losses of the warm start."""
        return self.warm_start.steps > 0 or (self.has_unpaired_stage and self.unpaired.restoration)

    @property
    def needs_vgg(self) -> bool:
        """Whether a perceptual loss is used, for which VGG-19 must be loaded."""
        unpaired = self.loss.perceptual > 0 or self.loss.random_perceptual > 0
        return (self.has_unpaired_stage and unpaired) or (self.restores_pairs and self.loss.restoration_perceptual > 0)

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain nested values, the inverse of `from_dict`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """Build a configuration from nested mappings.

        Raises:
            ConfigError: A key is unknown (the nearest known one is named) or a value ill-typed or out of range.
        """
        return build_settings(cls, values)

    @classmethod
    def from_toml(
        cls, path: Path, overrides: Mapping[str, Mapping[str, Any]] | None = None, *, largest: int = _LARGEST_RECIPE
    ) -> TrainingConfig:
        """Read a recipe. Relative paths to images and to a learnt blur are those beside it, if they are there.

        Args:
            path: The file.
            overrides: Settings by section and key that take precedence over it.
            largest: Bytes that it may have.

        Raises:
            ConfigError: The file is missing, is no TOML, or holds a bad setting.
        """
        return cls.from_recipe(read_recipe(path, largest=largest), overrides)

    @classmethod
    def from_recipe(
        cls, recipe: Mapping[str, Any], overrides: Mapping[str, Mapping[str, Any]] | None = None
    ) -> TrainingConfig:
        """What `read_recipe` has read, with settings by section and key that take precedence over it.

        Raises:
            ConfigError: It holds a bad setting.
        """
        values = dict(recipe)
        for section, settings in (overrides or {}).items():
            table = values.get(section, {})
            # A value that is no table is kept, so that the check of all settings names it.
            values[section] = {**table, **settings} if isinstance(table, Mapping) else table
        return cls.from_dict(values)


def read_recipe(path: Path, *, largest: int = _LARGEST_RECIPE) -> dict[str, Any]:
    """The settings that a recipe names, unchecked. Relative paths to images and to a learnt blur are those beside it.

    Args:
        path: The file.
        largest: Bytes that it may have.

    Raises:
        ConfigError: The file is missing or is no TOML.
    """
    try:
        return found_paths(_parse_toml(read_limited(path, largest).decode()), path.parent)
    except OSError as error:
        raise ConfigError(f"cannot read the recipe {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(f"cannot read the recipe {path}: {error}") from error


def parse_setting(text: str) -> tuple[str, str, Any]:
    """Split a setting such as ``warm_start.steps=500`` into section, key and value (a TOML value).

    Raises:
        ConfigError: It is not of that form.
    """
    name, equals, value = text.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (section and dot and key and equals):
        raise ConfigError(f"cannot read the setting {text!r}; give SECTION.KEY=VALUE, such as warm_start.steps=500")
    try:
        return section, key, _parse_toml(f"value = {value}")["value"]
    except ValueError:
        return section, key, value.strip()  # a bare word, such as run.precision=float32


def _parse_toml(text: str) -> dict[str, Any]:
    """What TOML says.

    Raises:
        ValueError: It is no TOML, has a number of thousands of digits, or is deeper than any recipe.
    """
    try:
        values = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("its values are nested too deeply") from error
    if _depth(values) > _DEEPEST_RECIPE:
        raise ValueError("its tables are nested too deeply")
    return values


def _depth(values: Any) -> int:
    """Levels of tables and lists; the walk does not recurse, since dotted keys nest as deeply as they are long."""
    depth, level = 0, [values]
    while level:
        depth += 1
        tables = [value for value in level if isinstance(value, dict | list)]
        level = [below for value in tables for below in (value.values() if isinstance(value, dict) else value)]
    return depth


def _check_counts(section: str, values: object, *names: str) -> None:
    for name in names:
        if getattr(values, name) < 0:
            raise ConfigError(f"{section}.{name} is {getattr(values, name)}; give a whole number of 0 or more")


def _check_optimizer(learning_rate: float, betas: tuple[float, float]) -> None:
    if not 0 < learning_rate <= 1:
        raise ConfigError(f"learning_rate is {learning_rate}; give a number above 0, up to 1")
    if not all(0 <= beta < 1 for beta in betas):
        raise ConfigError(f"betas are {betas}; give two numbers from 0 to less than 1")
