"""The manifest of known models, `weights_manifest.json`: the only registry of the zoo."""

from __future__ import annotations

import difflib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from udsd.errors import ConfigError, UnknownModelError, WeightsError
from udsd.regular import read_limited

MANIFEST_VARIABLE = "UDSD_MANIFEST"
"""Environment variable that names another manifest file."""

_FILE_NAME = "weights_manifest.json"
_PACKAGE = Path(__file__).resolve().parent.parent
_FORMAT_VERSION = 1
_LARGEST = 1 << 20
"""Bytes; the manifest has some 2,000."""

REPO_PATTERN = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"
"""A model repository on the Hub: organisation, slash, name."""

# A branch moves, so that the hash would stop to fit one day.
REVISION_PATTERN = r"(?!main$)[\w./-]+"
"""A commit or a tag."""

_PATTERNS = {
    "alias": (r"[a-z0-9][a-z0-9_-]*", "lower-case letters, digits, - and _"),
    "description": (r".*\S.*", "one line of text"),
    "repo": (REPO_PATTERN, "org/repo"),
    "revision": (REVISION_PATTERN, "a commit or a tag, not main"),
    "sha256": (r"[0-9a-f]{64}", "64 lower-case hexadecimal digits"),
    "licence": (r".*\S.*", "the SPDX name of a licence"),
}
_COUNTS = ("bytes", "base_width")

PictureKind = Literal["page", "face", "plate"]
"""What a model's pictures show: print, or one face each, which `udsd.domains` can tell; or number plates."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One known model.

    Attributes:
        alias: The name that `load_model` takes, and the folder of the bundled copy.
        description: One line on what it restores.
        repo: Its repository on the Hub, "org/repo".
        revision: Commit or tag there, pinned.
        sha256: SHA-256 of `model.safetensors`, lower-case hexadecimal.
        bytes: Size of `model.safetensors`.
        licence: Licence of the weights, an SPDX name.
        base_width: Width of the networks, see `ModelConfig`.
        scores: Measured figures by name, as told in the model card.
        kind: What its pictures show: of several models of a kind the first is taken where a picture of that kind is
            seen. None if nothing is told.
    """

    alias: str
    description: str
    repo: str
    revision: str
    sha256: str
    bytes: int
    licence: str
    base_width: int
    scores: Mapping[str, float] = field(hash=False)
    kind: PictureKind | None = None

    def __post_init__(self) -> None:
        for name, (pattern, allowed) in _PATTERNS.items():
            value = getattr(self, name)
            if not isinstance(value, str) or not re.fullmatch(pattern, value):
                raise ConfigError(f"{name} is {value!r}; give {allowed}")
        for name in _COUNTS:
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ConfigError(f"{name} is {value!r}; give a whole number from 1")
        if self.kind not in (None, *get_args(PictureKind)):
            raise ConfigError(f"kind is {self.kind!r}; give one of {', '.join(get_args(PictureKind))}, or leave it out")
        if not isinstance(self.scores, Mapping):
            raise ConfigError(f"scores is {self.scores!r}; give an object of numbers by name")
        for name, value in self.scores.items():
            if type(value) not in (int, float) or not math.isfinite(value):
                raise ConfigError(f"scores.{name} is {value!r}; give a finite number")
        object.__setattr__(self, "scores", dict(self.scores))

    @classmethod
    def from_dict(cls, values: Any) -> ModelEntry:
        """Build an entry from the plain values of the manifest.

        Raises:
            ConfigError: A key is missing or unknown, or a value is of the wrong type or form.
        """
        if not isinstance(values, dict):
            raise ConfigError(f"an entry is {values!r}; give an object")
        required = [attribute.name for attribute in fields(cls) if attribute.default is MISSING]
        _check_keys(values, required, optional=["kind"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Manifest:
    """All known models, in the order of the file."""

    models: tuple[ModelEntry, ...]

    def __post_init__(self) -> None:
        twice = sorted({alias for alias in self.aliases if self.aliases.count(alias) > 1})
        if twice:
            raise ConfigError(f"alias {', '.join(twice)} stands twice; each model has its own")

    @property
    def aliases(self) -> tuple[str, ...]:
        """The names of the models."""
        return tuple(entry.alias for entry in self.models)

    def of_kind(self, kind: PictureKind) -> ModelEntry | None:
        """The first model whose pictures are of a kind, or None."""
        return next((entry for entry in self.models if entry.kind == kind), None)

    def get(self, alias: str) -> ModelEntry:
        """The model of that name.

        Raises:
            UnknownModelError: There is none; the message lists those there are.
        """
        for entry in self.models:
            if entry.alias == alias:
                return entry
        close = difflib.get_close_matches(alias, self.aliases, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise UnknownModelError(
            f"unknown model {alias!r}{hint}; give a known name ({', '.join(self.aliases) or 'there are none'}), "
            "a model folder, or an org/repo on the Hub"
        )


def load_manifest(path: Path | None = None) -> Manifest:
    """Read a manifest.

    Without a path it is the file that the environment variable ``UDSD_MANIFEST`` names, else the one inside the
    package (a wheel), else the one beside the package (a clone, an editable install).

    Raises:
        WeightsError: The file is missing, cannot be read, or is no JSON.
        ConfigError: A key is missing or unknown, or a value is of the wrong type or form.
    """
    path = _manifest_path() if path is None else Path(path)
    try:
        values = json.loads(read_limited(path, _LARGEST))
    except OSError as error:
        raise WeightsError(
            f"cannot read the manifest {path} ({error.strerror or error}); check {MANIFEST_VARIABLE} or reinstall udsd"
        ) from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"the manifest {path} is no valid JSON ({error}); correct it") from error
    try:
        return _parse(values)
    except ConfigError as error:
        raise ConfigError(f"manifest {path}: {error}") from error


def _manifest_path() -> Path:
    named = os.environ.get(MANIFEST_VARIABLE)
    if named:
        return Path(named)
    packaged = _PACKAGE / _FILE_NAME
    return packaged if packaged.exists() else _PACKAGE.parent / _FILE_NAME


def _parse(values: Any) -> Manifest:
    if not isinstance(values, dict):
        raise ConfigError("it is no object; give format_version and models")
    _check_keys(values, ["format_version", "models"])
    if type(values["format_version"]) is not int or values["format_version"] != _FORMAT_VERSION:
        raise ConfigError(f"format_version is {values['format_version']!r}; this udsd reads {_FORMAT_VERSION}")
    if not isinstance(values["models"], list):
        raise ConfigError("models is no list; give a list of entries")
    entries = []
    for position, entry in enumerate(values["models"]):
        try:
            entries.append(ModelEntry.from_dict(entry))
        except ConfigError as error:
            raise ConfigError(f"models[{position}]: {error}") from error
    return Manifest(tuple(entries))


def _check_keys(values: dict[str, Any], required: list[str], optional: Sequence[str] = ()) -> None:
    known = [*required, *optional]
    missing = [key for key in required if key not in values]
    unknown = sorted(set(values) - set(known))
    if missing or unknown:
        problem = f"missing {', '.join(missing)}" if missing else f"unknown {', '.join(unknown)}"
        raise ConfigError(f"{problem}; the keys are {', '.join(known)}")
