"""Who is measured: the models of the zoo, classic methods, and networks that are named on the command line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import figures_peers as peers
from figures_sets import BLIND_WIENER, RICHARDSON_LUCY, UNSHARP, WIENER, EvaluationSet

from udsd import Deblurrer
from udsd.domains import DeblurKeywords
from udsd.errors import ConfigError
from udsd.evaluation import unsharp_mask
from udsd.evaluation.metrics import Image
from udsd.pretrained import load_manifest
from udsd.pretrained.manifest import PictureKind

WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Contender:
    """What is measured under a name.

    Attributes:
        name: The name.
        version: With another one it is measured anew: the SHA-256 of weights, or the settings of a classic method.
        load: Gives the method.
    """

    name: str
    version: str
    load: Callable[[], peers.Method]


def contenders(one: EvaluationSet, named: Sequence[tuple[str, Path]]) -> list[list[Contender]]:
    """All that belong on a set, in groups that are measured together: the peers, then each model with its variants.

    Args:
        one: The set.
        named: Networks of the command line by name: a folder of udsd, or a file for spandrel.
    """
    models = [
        [
            Contender(entry.alias + suffix, entry.sha256, partial(_model, entry.alias, options))
            for suffix, options in one.variants.items()
        ]
        for entry in load_manifest().models
        if entry.kind == one.kind
    ]
    if not one.peers or not models:
        return models
    return [[*_classics(one.kind), *(_network(name, path) for name, path in named)], *models]


def _classics(kind: PictureKind) -> list[Contender]:
    balance, blind, steps = peers.BALANCE[kind], peers.BLIND_BALANCE[kind], peers.RICHARDSON_LUCY_STEPS[kind]
    blind_version = f"balance {blind:g}, kernels by {_sha256(peers.ESTIMATOR)}"
    return [
        Contender(UNSHARP, "sigma 2, amount 2", lambda: lambda _, image: unsharp_mask(image)),
        Contender(WIENER, f"balance {balance:g}", lambda: partial(peers.wiener, balance=balance)),
        Contender(RICHARDSON_LUCY, f"{steps} steps", lambda: partial(peers.richardson_lucy, steps=steps)),
        Contender(BLIND_WIENER, blind_version, lambda: partial(peers.blind_wiener, balance=blind)),
    ]


def _network(name: str, path: Path) -> Contender:
    if path.is_dir():
        return Contender(name, _sha256(path / WEIGHTS), partial(_model, str(path), {}))
    return Contender(name, _sha256(path), partial(peers.spandrel_network, path))


def _model(name: str, options: DeblurKeywords) -> peers.Method:
    deblurrer = _deblurrer(name)

    def restore(_: peers.Kernel | None, image: Image) -> Image:
        return deblurrer.deblur(image, **options)

    return restore


@cache
def _deblurrer(name: str) -> Deblurrer:
    return Deblurrer.from_pretrained(name)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"cannot read {path} ({error.strerror or error}); name a model folder or a file") from error
