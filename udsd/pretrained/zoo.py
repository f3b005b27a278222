"""What models there are: the manifest as values for a program or a notebook."""

from __future__ import annotations

from dataclasses import dataclass

from udsd.pretrained.folder import WEIGHTS_FILE
from udsd.pretrained.lookup import BUNDLED_MODELS
from udsd.pretrained.manifest import ModelEntry, PictureKind, load_manifest


@dataclass(frozen=True, slots=True)
class ZooModel:
    """One model of the zoo.

    Attributes:
        name: What `udsd.Deblurrer.from_pretrained` and ``--model`` take.
        version: Its version, a tag or commit of its repository on the Hub.
        domain: What its pictures show: ``"page"``, ``"face"``, ``"plate"``, or None if it is not told.
        description: One line on what it restores.
        licence: Licence of the weights, an SPDX name or a few words.
        bytes: Size of the weights.
        bundled: Whether it came with udsd; another is fetched from the Hub when it is first loaded.
    """

    name: str
    version: str
    domain: PictureKind | None
    description: str
    licence: str
    bytes: int
    bundled: bool


def list_models() -> tuple[ZooModel, ...]:
    """The models of the zoo, in the order of the manifest; nothing is loaded, and the Hub is not asked.

    Raises:
        WeightsError: The manifest is missing or no JSON.
        ConfigError: A key of the manifest is missing or unknown, or a value is of the wrong type or form.

    Example:
        >>> [model.name for model in udsd.list_models() if model.domain == "page"]
        ['text', 'text-small']
    """
    return tuple(_zoo_model(entry) for entry in load_manifest().models)


def _zoo_model(entry: ModelEntry) -> ZooModel:
    return ZooModel(
        name=entry.alias,
        version=entry.revision,
        domain=entry.kind,
        description=entry.description,
        licence=entry.licence,
        bytes=entry.bytes,
        bundled=(BUNDLED_MODELS / entry.alias / WEIGHTS_FILE).is_file(),
    )
