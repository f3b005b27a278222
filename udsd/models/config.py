"""The architecture of a model, and what it expects: what `config.json` in a model folder holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, get_args

from udsd.errors import ConfigError
from udsd.settings import build_settings

_LIMITS = {
    "base_width": (4, 256),
    "residual_blocks": (1, 32),
    "blur_code_size": (1, 256),
    "passes": (1, 4),
}
"""Smallest and largest value of each size. A folder from elsewhere cannot make us allocate at will."""

_WINDOWS = (192, 4096)
"""Smallest and largest side of windows in pixels."""

_LARGEST_SIZE = 4096
"""Of letters and faces, in pixels."""

LARGEST_SCALE = 8.0
"""And the inverse of the smallest. What is further from a model's range holds too little to be restored."""


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
        blur: Largest blur that the model undoes, as the standard deviation of the blur kernel in pixels, along the blur
            and across it (motion has little across, defocus as much as along); None if that is not known.
        polarity: Of a page: ``"dark-on-light"`` if light letters on dark ground are to be inverted for the model.
    """

    kind: DomainKind
    size: tuple[float, float]
    blur: tuple[float, float] | None = None
    polarity: Polarity = "dark-on-light"

    def __post_init__(self) -> None:
        if self.kind not in get_args(DomainKind):
            raise ConfigError(f"domain.kind is {self.kind!r}; give one of {', '.join(get_args(DomainKind))}")
        if self.polarity not in get_args(Polarity):
            raise ConfigError(f"domain.polarity is {self.polarity!r}; give one of {', '.join(get_args(Polarity))}")
        low, high = self.size
        if not 1 <= low <= high <= _LARGEST_SIZE:
            raise ConfigError(f"domain.size is {low} to {high}; give pixels from 1 to {_LARGEST_SIZE}, the lower first")
        if self.blur is not None and not all(0 < sigma <= _LARGEST_SIZE for sigma in self.blur):
            raise ConfigError(f"domain.blur is {self.blur}; give pixels above 0, along the blur and across it")


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
        consistent: If true, what the networks restore is changed so that, blurred again, it is the picture that came in
            (`udsd.consistency`). The paper trains with this, and does not do it in use. `DeblurModel` itself does not
            do it.
        passes: How often pictures go through the networks with ``quality="best"``, from 1 to 4; above 1 the model must
            be ``consistent``, and have learnt from pictures that were restored once. Not in the paper. 1 takes the mean
            of shifted or mirrored copies instead.
        window: Pixels a side, from 192 to 4096, of the windows in which larger pictures go through the networks, each
            with statistics and a blur code of its own (`udsd.domains.windowed`), or None for all of a picture at once.
            Not in the paper. `DeblurModel` itself does not do it.
        domain: What pictures the model expects, or None if nothing is known: then pictures are restored as they are, or
            all at one scale.
        input_scale: How many times their size pictures are before the networks, from 1/8 to 8, where ``domain`` is not
            known. The change is brought back to their own size. Not in the paper. `DeblurModel` itself does not do it.
    """

    FIXED: ClassVar[dict[str, Any]] = {"image_channels": 3}
    """Settings of earlier versions that only ever worked with one value. With it they are still read, and dropped."""

    base_width: int = 64
    residual_blocks: int = 4
    blur_code_size: int = 8
    residual_output: bool = False
    balance_white: bool = False
    consistent: bool = False
    passes: int = 1
    window: int | None = None
    domain: DomainConfig | None = None
    input_scale: float = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ConfigError(f"{name} is {value!r}; give a whole number from {low} to {high}")
        for name in ("residual_output", "balance_white", "consistent"):
            if type(getattr(self, name)) is not bool:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; give true or false")
        low, high = _WINDOWS
        if self.window is not None and not (type(self.window) is int and low <= self.window <= high):
            raise ConfigError(f"window is {self.window!r}; give a whole number from {low} to {high}, or leave it out")
        if self.passes > 1 and not self.consistent:
            raise ConfigError(f"passes is {self.passes} and consistent false; further passes need consistent = true")
        if not 1 / LARGEST_SCALE <= self.input_scale <= LARGEST_SCALE:
            raise ConfigError(f"input_scale is {self.input_scale}; give {1 / LARGEST_SCALE} to {LARGEST_SCALE:g}")
        if self.domain is not None and self.input_scale != 1:
            raise ConfigError("domain and input_scale are both given; the domain chooses the scale: give one of them")

    @property
    def content_channels(self) -> int:
        """Channels of the content features."""
        return 4 * self.base_width

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, as `config.json` stores them."""
        values = asdict(self)
        if self.input_scale == 1:
            del values["input_scale"]
        if not self.consistent:
            del values["consistent"]
        if self.passes == 1:
            del values["passes"]
        if self.window is None:
            del values["window"]
        if self.domain is None:
            del values["domain"]
        elif self.domain.blur is None:
            del values["domain"]["blur"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Build a configuration from plain values.

        Raises:
            ConfigError: A key is unknown or a value is of the wrong type or out of range.
        """
        return build_settings(cls, values)
