"""A page in the browser, and an HTTP interface: pictures in, better ones out. It takes the extra ``demo``."""

from udsd.serving.limits import Limits
from udsd.serving.server import serve

__all__ = ["Limits", "serve"]
