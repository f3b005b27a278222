"""The networks: tensors in, tensors out; no files, no Hub, no images."""

from udsd.models.config import ModelConfig
from udsd.models.deblur_model import DeblurModel, compose, reparameterize
from udsd.models.encoders import BlurEncoder, ContentEncoder
from udsd.models.generator import Generator
from udsd.models.white import white_balance

__all__ = [
    "BlurEncoder",
    "ContentEncoder",
    "DeblurModel",
    "Generator",
    "ModelConfig",
    "compose",
    "reparameterize",
    "white_balance",
]
