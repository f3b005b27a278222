# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Blur, estimated and transferred
#
# What blur has a picture? And how would another one look under it?

# %%
import numpy as np
from PIL import Image
from skimage import data

import udsd
from udsd import Deblurrer
from udsd.degradation import BlurConfig
from udsd.evaluation import SharpImage, blurred_pairs, shift_tolerant_psnr
from udsd.images import side_by_side

deblurrer = Deblurrer.from_pretrained("text-small")

# %% [markdown]
# ## A picture with a known blur
#
# Part of a page, moved by 14 pixels along a straight line, with noise of 2 grey levels.

# %%
page = np.asarray(Image.open("../page_sharp.png").convert("RGB"))[40:340, 40:640]
known = BlurConfig(path_length=(14, 14), straight_probability=1, noise=(2, 2))
(pair,) = blurred_pairs([SharpImage("page", page)], known, seed=7, bins=1)
Image.fromarray(pair.blurred)

# %% [markdown]
# ## Estimated
#
# From this picture alone. No network of the model takes part in it: an estimator reads it from statistics of the
# picture.

# %%
blur = deblurrer.estimate_blur(pair.blurred)
print(blur)

# %% [markdown]
# The kernel is what became of a point of light:


# %%
def enlarged(kernel: np.ndarray, times: int = 8) -> Image.Image:
    """A kernel, white on black."""
    return Image.fromarray(np.kron(kernel / kernel.max() * 255, np.ones((times, times))).astype(np.uint8))


enlarged(blur.kernel)

# %% [markdown]
# ## Transferred
#
# `reblur` lays it on another picture, with the noise. First on the same page while it was sharp: the two should look
# alike.

# %%
again = deblurrer.reblur(page, like=blur)
print(f"{shift_tolerant_psnr(again, pair.blurred):.1f} dB between the two")
print(f"{shift_tolerant_psnr(page, pair.blurred):.1f} dB between the blurred page and the sharp one")
part = np.s_[60:180, :400]
udsd.compare(pair.blurred[part], again[part], captions=("blurred", "blurred by what was estimated"))

# %% [markdown]
# Then on a photograph (Eileen Collins, by NASA, in the public domain). `like` may be the blurred picture itself, too.

# %%
portrait = data.astronaut()[:320, 60:380]
moved = deblurrer.reblur(portrait, like=pair.blurred, seed=1)
side_by_side(
    [Image.fromarray(image) for image in (portrait, moved)], ["sharp", "under the blur of the page"], columns=2
)

# %% [markdown]
# ## What for
#
# Blurred copies of sharp pictures are what training takes: under the blur that your pictures have, a model learns to
# undo just that (see *Your own domain*). For a folder, `udsd-train blur blurred/ -o report/` tells the blur of all
# pictures.
