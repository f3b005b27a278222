"""The models of the page, each loaded when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from udsd.choosing import ModelChooser
from udsd.deblurrer import Deblurrer
from udsd.files import Restorer
from udsd.pretrained import Manifest

CHOSEN = "auto"
"""The name that stands for none: then every picture is looked at, unless there is one model for everything."""


class Models:
    """What visitors may choose among.

    Args:
        manifest: The zoo.
        load: Loads a model by its name.
        device: Where they run, as for `udsd.Deblurrer`.
        only: A model that is taken for everything, by its name; then there is no choice.
    """

    def __init__(
        self, manifest: Manifest, load: Callable[[str], Deblurrer], device: str = "auto", only: str | None = None
    ) -> None:
        self._loaded: dict[str, Deblurrer] = {}
        self._load_model = load
        self._manifest = manifest
        self._chooser = ModelChooser(manifest, self._load, device)
        self._only = only
        self.names: tuple[str, ...] = (CHOSEN, *manifest.aliases) if only is None else (CHOSEN,)
        """What may be chosen; the first stands for itself."""

    def choices(self) -> list[tuple[str, str]]:
        """Of each name what it is shown as, and itself."""
        return [(self._described(name), name) for name in self.names]

    def get(self, name: str, *, of_faces: bool = False) -> Restorer:
        """What restores pictures under a name of `names`; not for two threads at a time.

        Args:
            name: The name.
            of_faces: It is known that the pictures show faces, so that `CHOSEN` need not look.

        Raises:
            UdsdError: The model cannot be loaded.
        """
        if name != CHOSEN or self._only is not None:
            return self._load(self._only or name)
        faces = self._manifest.of_kind("face") if of_faces else None
        return self._chooser if faces is None else self._load(faces.alias)

    def _load(self, name: str) -> Deblurrer:
        if name not in self._loaded:
            self._loaded[name] = self._load_model(name)
        return self._loaded[name]

    def _described(self, name: str) -> str:
        if name == CHOSEN:
            return "chosen for each picture" if self._only is None else Path(self._only).name
        if name not in self._manifest.aliases:
            return name
        entry = self._manifest.get(name)
        return f"{name}: {entry.description} ({entry.licence.removeprefix('LicenseRef-udsd-')})"
