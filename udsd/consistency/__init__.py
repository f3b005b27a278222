"""Restorations that explain their picture: blurred again, they are the picture that came in.

The paper trains with this (cycle consistency: b^ = b), and forgets it when the networks are used. But what a network
makes of a blurred picture says so much about the blur that its kernel can be read from the two, and with the kernel
known the rest is the classic problem: what the picture says of the sharp one beyond what the network has made of it.
That takes back what the network invented, and gives what it could not know, such as colours.
"""

from udsd.consistency.windows import made_consistent

__all__ = ["made_consistent"]
