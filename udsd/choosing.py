"""A model for each picture, chosen by looking at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from udsd.deblurrer import Deblurrer
from udsd.device import resolve_device
from udsd.domains import DeblurOptions, Look, Restoration, kind_of
from udsd.images import DecodedImage
from udsd.inference import OnProgress
from udsd.inference.backend import as_part
from udsd.models.config import DomainKind
from udsd.pretrained import Manifest

_LETTERS_OF_A_PLATE = 0.25
"""Of the height of a picture, its letters at least. Those of 48 strips of two or three lines have 0.15 at most."""

NEITHER = "neither a page nor a face was found, so it was not restored; choose a model to restore it all the same"


class ModelChooser:
    """Restores images, each with the model of the zoo for what it shows: the first of its kind in the manifest.

    Args:
        manifest: The models there are.
        load: Loads a model by its alias; each is loaded once, when it is first needed.
        device: Where they run, as for `udsd.Deblurrer`.
    """

    def __init__(
        self, manifest: Manifest, load: Callable[[str], Deblurrer], device: str | torch.device | None = "auto"
    ) -> None:
        self._manifest = manifest
        self._load = load
        self._device = resolve_device(device)
        self._loaded: dict[DomainKind, Deblurrer] = {}

    @property
    def device(self) -> torch.device:
        """Where the models run."""
        return self._device

    @property
    def title(self) -> str:
        """The models that may be chosen, with the hashes of their weights."""
        return ", ".join(f"{entry.alias} {entry.sha256}" for entry in self._manifest.models)

    def restore_decoded(
        self,
        images: Sequence[DecodedImage[Any]],
        options: DeblurOptions | None = None,
        on_progress: OnProgress | None = None,
    ) -> list[Restoration]:
        """Restore images, as `udsd.Deblurrer.restore_decoded` does; what shows neither kind comes back as it is."""
        restorations = []
        for number, image in enumerate(images):
            # A tensor keeps its device as pixels; looks are on the CPU.
            looks = [Look(single) for single in torch.split(image.pixels.cpu(), 1)]
            kind = _kind(looks[0], options or DeblurOptions())
            model = None if kind is None else self._model_of(kind)
            if model is None:
                restorations.append(Restoration(image.pixels, notes=(NEITHER,), outcome="unsuitable"))
            else:
                tell = None if on_progress is None else as_part(on_progress, number, len(images))
                (restoration,) = model.restore_decoded([image], options, tell, looks=looks)
                if kind == "page" and restoration.outcome == "restored":
                    restoration = replace(restoration, notes=(*restoration.notes, *self._hints(looks[0])))
                restorations.append(restoration)
        return restorations

    def for_clip(self, frames: Sequence[DecodedImage[Any]], *, steady: bool = True) -> Deblurrer | None:
        """The model for all frames of a clip, chosen by what most of some frames show; None if no model is for it.

        Arguments are those of `udsd.Deblurrer.for_clip`.
        """
        kinds = Counter(
            kind for frame in frames if (kind := kind_of(Look(frame.pixels[:1].cpu()))) and self._manifest.of_kind(kind)
        )
        if not kinds:
            return None
        model = self._model_of(kinds.most_common(1)[0][0])
        return None if model is None else model.for_clip(frames, steady=steady)

    def _hints(self, look: Look) -> tuple[str, ...]:
        """What else might be chosen for a page: no look tells a number plate from a line of print."""
        plate, letters = self._manifest.of_kind("plate"), look.survey.letters
        if plate is None or letters is None or letters < _LETTERS_OF_A_PLATE * look.image.shape[-2]:
            return ()
        return (f"it is restored as print; if it is a number plate, choose the model {plate.alias}",)

    def _model_of(self, kind: DomainKind) -> Deblurrer | None:
        entry = self._manifest.of_kind(kind)
        if entry is None:
            return None
        if kind not in self._loaded:
            self._loaded[kind] = self._load(entry.alias)
        return self._loaded[kind]


def _kind(look: Look, options: DeblurOptions) -> DomainKind | None:
    """What a picture shows; None if no model is for it."""
    # Who says where faces are knows better than a look: boxes are for those that it does not find.
    return "face" if not isinstance(options.faces, str) and options.faces else kind_of(look)
