"""Everything a training run is made of, as one frozen tree that a TOML recipe fills in."""

from __future__ import annotations

import difflib
import tomllib
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from udsd.errors import ConfigError
from udsd.models import ModelConfig
from udsd.training.blur import BlurConfig
from udsd.training.data import DataConfig
from udsd.training.losses import LossWeights
from udsd.training.networks import BranchConfig
from udsd.training.objectives import ObjectiveConfig

Precision = Literal["auto", "float32", "bfloat16"]
_Section = TypeVar("_Section")


@dataclass(frozen=True, slots=True)
class WarmStartConfig:
    """The self-supervised stage before the unpaired one; not in the paper.

    A sharp crop is blurred with a synthetic kernel and G_S restores it from E_B^c and E^b: the inner half of
    the cycle, with physics in place of the blur generator.

    Attributes:
        steps: Number of steps; 0 leaves the stage out, as the paper does.
        learning_rate: Highest rate of Adam, reached after ``ramp_steps``, held, then lowered along a cosine
            over the last ``decay_share`` of the steps.
        betas: Adam's decay rates of the two moments.
        ramp_steps: Steps over which the rate rises from zero.
        decay_share: Share of the steps, at the end, in which the rate falls to zero.
    """

    steps: int = 0
    learning_rate: float = 5e-4
    betas: tuple[float, float] = (0.9, 0.99)
    ramp_steps: int = 200
    decay_share: float = 0.4

    def __post_init__(self) -> None:
        _check_optimizer(self.learning_rate, self.betas)
        if self.steps < 0 or self.ramp_steps < 0:
            raise ConfigError("the steps of the warm start and of its ramp are whole numbers of 0 or more")
        if not 0 < self.decay_share <= 1:
            raise ConfigError(f"decay_share is {self.decay_share}; give a number above 0, up to 1")


@dataclass(frozen=True, slots=True)
class UnpairedConfig:
    """The unpaired adversarial stage of the paper.

    Attributes:
        steps: Steps at the full learning rate (the paper: 40 epochs).
        decay_steps: Steps of exponential decay after them, down to a hundredth (the paper: 40 epochs).
        learning_rate: Adam's rate, for generators and discriminators alike.
        betas: Adam's decay rates of the two moments.
    """

    steps: int = 0
    decay_steps: int = 0
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)

    def __post_init__(self) -> None:
        _check_optimizer(self.learning_rate, self.betas)
        if self.steps < 0 or self.decay_steps < 0:
            raise ConfigError("the unpaired stage's steps and decay_steps are whole numbers of 0 or more")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How a run goes on, and what it leaves behind.

    Attributes:
        seed: Seed of the initial weights and of all that is drawn.
        precision: Number format of the networks' arithmetic; ``auto`` takes bfloat16 where it is fast.
        ema_decay: Decay of the exponential moving average of the inference path, which is what samples and
            exported models show; 0 switches it off.
        checkpoint_every: Steps between checkpoints.
        keep_checkpoints: How many of the newest are kept.
        sample_every: Steps between sample grids.
        log_every: Steps between lines of losses.csv, each the mean over them. A checkpoint ends a line as well.
    """

    seed: int = 0
    precision: Precision = "auto"
    ema_decay: float = 0.999
    checkpoint_every: int = 1000
    keep_checkpoints: int = 2
    sample_every: int = 1000
    log_every: int = 50

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed is {self.seed}; give a whole number from 0 to less than 2^63")
        if not 0 <= self.ema_decay < 1:
            raise ConfigError(f"ema_decay is {self.ema_decay}; give a number from 0 to less than 1")
        for name in ("checkpoint_every", "keep_checkpoints", "sample_every", "log_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give at least 1")


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

    @property
    def total_steps(self) -> int:
        """Steps of all stages together."""
        return self.warm_start.steps + self.unpaired.steps + self.unpaired.decay_steps

    @property
    def has_unpaired_stage(self) -> bool:
        """Whether any step is unpaired."""
        return self.unpaired.steps + self.unpaired.decay_steps > 0

    @property
    def needs_vgg(self) -> bool:
        """Whether the perceptual loss takes part, for which VGG-19 must be loaded."""
        return self.has_unpaired_stage and self.loss.perceptual > 0

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain nested values, the inverse of `from_dict`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """Build a configuration from nested mappings.

        Raises:
            ConfigError: A key is unknown (the nearest known one is named) or a value ill-typed or out of range.
        """
        return _build(cls, values, "")

    @classmethod
    def from_toml(cls, path: Path, overrides: Mapping[str, Mapping[str, Any]] | None = None) -> TrainingConfig:
        """Read a recipe; ``overrides`` (section to key to value) win over what the file says.

        Raises:
            ConfigError: The file is missing, is no TOML, or holds a bad setting.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"cannot read the recipe {path}: {error}") from error
        for section, settings in (overrides or {}).items():
            table = values.get(section, {})
            # What is no table is left for the check of all settings, which names it.
            values[section] = {**table, **settings} if isinstance(table, Mapping) else table
        return cls.from_dict(values)


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
        return section, key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return section, key, value.strip()  # a bare word, such as run.precision=float32


def _build(cls: type[_Section], values: Any, where: str) -> _Section:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where or 'the recipe'} is {values!r}; give a table of settings")
    kinds = get_type_hints(cls)
    known = [entry.name for entry in fields(cls)]  # type: ignore[arg-type]
    arguments = {}
    for key, value in values.items():
        name = f"{where}.{key}" if where else key
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1, cutoff=0)
            raise ConfigError(f"unknown setting {name}; did you mean {nearest[0]}? Known: {', '.join(known)}")
        arguments[key] = _convert(kinds[key], value, name)
    return cls(**arguments)


def _convert(kind: Any, value: Any, name: str) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        return _build(kind, value, name)
    if get_origin(kind) is tuple:
        return _convert_tuple(get_args(kind), value, name)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ConfigError(f"{name} is {value!r}; give one of {', '.join(map(str, get_args(kind)))}")
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name} is {value!r}; give a value of type {_type_name(kind)}")
    return value


def _convert_tuple(kinds: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    any_length = len(kinds) == 2 and kinds[1] is Ellipsis
    if not isinstance(value, list | tuple) or not (any_length or len(value) == len(kinds)):
        length = "" if any_length else f"{len(kinds)} "
        raise ConfigError(f"{name} is {value!r}; give a list of {length}{_type_name(kinds[0])} values")
    return tuple(_convert(kinds[0], entry, name) for entry in value)


def _type_name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type | types.GenericAlias) else str(kind)


def _check_optimizer(learning_rate: float, betas: tuple[float, float]) -> None:
    if not 0 < learning_rate <= 1:
        raise ConfigError(f"learning_rate is {learning_rate}; give a number above 0, up to 1")
    if not all(0 <= beta < 1 for beta in betas):
        raise ConfigError(f"betas are {betas}; give two numbers from 0 to less than 1")
