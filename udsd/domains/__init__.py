"""What lies between a picture and a model: pictures are brought to what the model expects, and their results back."""

from udsd.domains.domain import Domain, Findings, Region, Restoration, Restore
from udsd.domains.options import Box, DeblurKeywords, DeblurOptions
from udsd.domains.registry import domain_of
from udsd.domains.restoring import joined, restore_images

__all__ = [
    "Box",
    "DeblurKeywords",
    "DeblurOptions",
    "Domain",
    "Findings",
    "Region",
    "Restoration",
    "Restore",
    "domain_of",
    "joined",
    "restore_images",
]
