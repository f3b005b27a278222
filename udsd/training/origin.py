"""What a run owes to the models that it began with or learnt from: a name on the Hub, and a licence that holds on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from udsd.errors import ConfigError, PublishError
from udsd.pretrained import load_manifest
from udsd.pretrained.card import CUSTOM_LICENCE
from udsd.pretrained.contents import LICENCE_FILE
from udsd.pretrained.folder import CARD_FILE, LARGEST_CONFIG
from udsd.pretrained.lookup import BUNDLED_MODELS
from udsd.pretrained.manifest import REPO_PATTERN
from udsd.pretrained.metadata import read_metadata
from udsd.regular import read_limited


@dataclass(frozen=True, slots=True)
class Origin:
    """A model that a run began with.

    Attributes:
        repo: Its repository on the Hub; empty if there is none.
        licence: The licence that what is trained from it has as well, an SPDX name; empty where one may choose.
        licence_text: The text of that licence, if it is at hand.
    """

    repo: str = ""
    licence: str = ""
    licence_text: bytes | None = None

    def licence_for(self, chosen: str | None) -> str:
        """The licence of what was trained from the model; empty if none was chosen.

        Raises:
            ConfigError: Another one than the model's was chosen, where that holds on, or what was chosen is no name.
        """
        if chosen is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", chosen):
            raise ConfigError(f"the licence is {chosen!r}; give an SPDX name, such as Apache-2.0 or LicenseRef-mine")
        if self.licence and chosen not in (None, self.licence):
            raise ConfigError(
                f"the licence is {chosen!r}, but the run began with a model under {self.licence}, or learnt from one, "
                "which holds for what is trained from it; leave it out"
            )
        return self.licence or chosen or ""

    def taught_by(self, teacher: str) -> Origin:
        """The same, with the licence of a model that the run learns from if that holds on.

        Args:
            teacher: ``warm_start.teacher``.

        Raises:
            ConfigError: Both have licences that hold on, and these differ; or as for `origin_of`.
            WeightsError: As for `origin_of`.
        """
        found = origin_of(teacher)
        if not found.licence:
            return self
        if self.licence not in ("", found.licence):
            raise ConfigError(
                f"what the run began with is under {self.licence} and the teacher {teacher} under {found.licence}, and "
                "what is trained from a model has its licence; choose models under one of them"
            )
        return replace(self, licence=found.licence, licence_text=found.licence_text)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the inverse of `from_dict`."""
        # Latin-1 holds any bytes, and a checkpoint plain values alone.
        text = None if self.licence_text is None else self.licence_text.decode("latin-1")
        return {"repo": self.repo, "licence": self.licence, "licence_text": text}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Origin:
        """What `to_dict` returned.

        Raises:
            KeyError: It is something else.
        """
        text = values["licence_text"]
        return cls(str(values["repo"]), str(values["licence"]), None if text is None else text.encode("latin-1"))


def origin_of_run(init: str, teacher: str) -> Origin:
    """What is known of the model that a run begins with, with the licence of its teacher if that holds on.

    Args:
        init: ``run.init``.
        teacher: ``warm_start.teacher``.

    Raises:
        ConfigError: Both have licences that hold on, and these differ; or as for `origin_of`.
        WeightsError: As for `origin_of`.
    """
    return origin_of(init).taught_by(teacher)


def origin_of(init: str) -> Origin:
    """What is known of the model that ``run.init`` names; a folder is asked for its card.

    A licence that SPDX does not list is taken to hold on, as that of `face` does: it has terms of its own.

    Raises:
        WeightsError: The manifest is missing or no JSON.
        ConfigError: The manifest is broken.
    """
    manifest = load_manifest()
    if init and Path(init).is_dir() and init not in manifest.aliases:
        return _origin_in(Path(init))
    entry = next((one for one in manifest.models if init in (one.alias, one.repo)), None)
    if entry is not None:
        return Origin(entry.repo, *_holding_on(entry.licence, BUNDLED_MODELS / entry.alias))
    return Origin(init if re.fullmatch(REPO_PATTERN, init) else "")


def _origin_in(folder: Path) -> Origin:
    """A folder is nowhere on the Hub, but may have begun with a model that is."""
    try:
        metadata = read_metadata(read_limited(folder / CARD_FILE, LARGEST_CONFIG).decode(), str(folder / CARD_FILE))
    except (OSError, ValueError, PublishError):
        return Origin()
    base = metadata.get("base_model")
    licence = CUSTOM_LICENCE + metadata.get("license_name") if metadata.get("license") == "other" else ""
    return Origin(base if isinstance(base, str) else "", *_holding_on(licence, folder))


def _holding_on(licence: str, folder: Path) -> tuple[str, bytes | None]:
    if not licence.startswith(CUSTOM_LICENCE):
        return "", None
    try:
        return licence, read_limited(folder / LICENCE_FILE, LARGEST_CONFIG)
    except OSError:
        return licence, None
