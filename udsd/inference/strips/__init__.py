"""The networks in strips: the pixels of the image in one piece, in bounded memory (docs/architecture.md, "Strips")."""

from udsd.inference.strips.model import StripModel
from udsd.inference.strips.plan import StripPlan, plan_strips
from udsd.inference.strips.store import Store

__all__ = ["Store", "StripModel", "StripPlan", "plan_strips"]
