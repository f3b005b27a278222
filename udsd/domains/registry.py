"""The kinds of pictures by name."""

from __future__ import annotations

from collections.abc import Callable

from udsd.domains.domain import Domain
from udsd.domains.faces.domain import FaceDomain
from udsd.domains.pages.domain import PageDomain
from udsd.domains.plain import PlainDomain
from udsd.models.config import DomainConfig, ModelConfig

_DOMAINS: dict[str, Callable[[DomainConfig], Domain]] = {"face": FaceDomain, "page": PageDomain}


def domain_of(config: ModelConfig) -> Domain:
    """What brings pictures to a model; of what nothing is known, nothing is looked for."""
    expected = config.domain
    if expected is None or expected.kind not in _DOMAINS:
        return PlainDomain(config.input_scale)
    return _DOMAINS[expected.kind](expected)
