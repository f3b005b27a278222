"""The architecture of a model, and what it expects: what `config.json` in a model folder holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, get_args

from udsd.errors import ConfigError

_LIMITS = {
    "base_width": (4, 256),
    "residual_blocks": (1, 32),
    "blur_code_size": (1, 256),
}
"""Smallest and largest value of each size. A folder from elsewhere cannot make us allocate at will."""

_LARGEST_SIZE = 4096
"""Of letters and faces, in pixels."""


DomainKind = Literal["page", "face"]
"""What a model's pictures show: print, or one face each."""

Polarity = Literal["dark-on-light", "any"]


@dataclass(frozen=True, slots=True)
class DomainConfig:
    """What pictures a model expects, so that others can be brought to it (`udsd.domains`).

    Attributes:
        kind: What they show.
        size: Smallest and largest size in pixels that the model restores as it is. Of a page the size of its letters,
            which is the font size (em); of a face the side of the crop that is aligned as those of training are.
        polarity: Of a page: ``"dark-on-light"`` if light letters on dark ground are to be inverted for the model.
    """

    kind: DomainKind
    size: tuple[float, float]
    polarity: Polarity = "dark-on-light"

    def __post_init__(self) -> None:
        if self.kind not in get_args(DomainKind):
            raise ConfigError(f"domain.kind is {self.kind!r}; give one of {', '.join(get_args(DomainKind))}")
        if self.polarity not in get_args(Polarity):
            raise ConfigError(f"domain.polarity is {self.polarity!r}; give one of {', '.join(get_args(Polarity))}")
        if not _is_size_range(self.size):
            raise ConfigError(f"domain.size is {self.size!r}; give two sizes in pixels, such as [16, 28]")

    @classmethod
    def from_dict(cls, values: Any) -> DomainConfig:
        """Build it from plain values, as `config.json` holds them.

        Raises:
            ConfigError: A key is unknown or missing, or a value of the wrong type or out of range.
        """
        known = [field.name for field in fields(cls)]
        if not isinstance(values, dict) or not {"kind", "size"} <= values.keys() <= set(known):
            raise ConfigError(f"domain is {values!r}; give a table of {', '.join(known)} (the last may be left out)")
        size = values["size"]
        return cls(**{**values, "size": tuple(size) if isinstance(size, list) else size})


def _is_size_range(size: Any) -> bool:
    if not isinstance(size, tuple) or len(size) != 2 or any(type(one) not in (int, float) for one in size):
        return False
    return bool(1 <= size[0] <= size[1] <= _LARGEST_SIZE)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Width, depth and code size of the networks on the inference path.

    The defaults are those of the paper (Lu, Chen, Chellappa, CVPR 2019).

    Attributes:
        base_width: Channels of the first convolution; the content features have four times as many.
        residual_blocks: Residual blocks in the content encoder, and again in the generator.
        blur_code_size: Length of the blur code z.
        residual_output: If true, the generator's output is added to the blurred image instead of passing
            through tanh. Not in the paper. Instance normalisation takes the mean and contrast of an image out
            of its content features, so that the paper's generator has to invent them again (shifted colours,
            inverted contrast); with the input beside it, it need not.
        balance_white: If true, an image's light ground is scaled to white before it comes to the networks, and back
            afterwards (`udsd.models.white`): for print on paper. Not in the paper. `DeblurModel` itself does not
            do it.
        domain: What pictures the model expects, or None if nothing is known: then pictures are restored as they are.
    """

    FIXED: ClassVar[dict[str, Any]] = {"image_channels": 3}
    """Settings of earlier versions that only ever worked with one value. With it they are still read, and dropped."""

    base_width: int = 64
    residual_blocks: int = 4
    blur_code_size: int = 8
    residual_output: bool = False
    balance_white: bool = False
    domain: DomainConfig | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ConfigError(f"{name} is {value!r}; give a whole number from {low} to {high}")
        for name in ("residual_output", "balance_white"):
            if type(getattr(self, name)) is not bool:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; give true or false")

    @property
    def content_channels(self) -> int:
        """Channels of the content features."""
        return 4 * self.base_width

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, as `config.json` stores them."""
        values = asdict(self)
        if self.domain is None:
            del values["domain"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelConfig:
        """Build a configuration from plain values.

        Raises:
            ConfigError: A key is unknown or a value is of the wrong type or out of range.
        """
        known = [field.name for field in fields(cls)]
        for key in cls.FIXED.keys() & values.keys():
            if values[key] != cls.FIXED[key]:
                raise ConfigError(f"{key} is {values[key]!r}; {cls.FIXED[key]} is the only value there is")
        values = {key: value for key, value in values.items() if key not in cls.FIXED}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigError(f"unknown key(s) {', '.join(unknown)}; known are {', '.join(known)}")
        if values.get("domain") is not None:
            values["domain"] = DomainConfig.from_dict(values["domain"])
        return cls(**values)
