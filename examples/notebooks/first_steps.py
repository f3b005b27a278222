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
# # First steps
#
# A blurred page and a blurred portrait, restored by the models that come with udsd. Nothing is downloaded.

# %%
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

import udsd
from udsd import Deblurrer
from udsd.degradation import BlurConfig
from udsd.evaluation import SharpImage, blurred_pairs, shift_tolerant_psnr

EXAMPLES = Path("..")

# %% [markdown]
# ## What models there are
#
# Each is for one kind of picture. `text-small` takes a third of the time of `text` and is a little worse; the
# models of faces are for non-commercial research only.

# %%
for model in udsd.list_models():
    print(f"{model.name:10}  {model.bytes / 1e6:4.1f} MB  {model.licence:30}  {model.description}")

# %% [markdown]
# ## A page

# %%
deblurrer = Deblurrer.from_pretrained("text")
deblurrer

# %%
page = Image.open(EXAMPLES / "page_blurred.png")
restored = deblurrer(page)
udsd.compare(page, restored)

# %% [markdown]
# A path gives a Pillow image. Pillow images, arrays and tensors come back as what they were: grey stays grey, 16 bits
# stay 16 bits.

# %%
pixels = np.asarray(page)
same = deblurrer(pixels)
print(same.dtype, same.shape, np.array_equal(same, np.asarray(restored)))

# %% [markdown]
# How near is it to the sharp page? PSNR at the best shift, since a blur may be taken to have its middle elsewhere:

# %%
sharp = np.asarray(Image.open(EXAMPLES / "page_sharp.png").convert("RGB"))
for name, image in (("blurred", page), ("restored", restored)):
    print(f"{name}: {shift_tolerant_psnr(np.asarray(image.convert('RGB')), sharp):.1f} dB")

# %% [markdown]
# ## A face
#
# Eileen Collins, photographed by NASA (in the public domain), as scikit-image brings her along. The picture is
# blurred here, by the path of a camera in an unsteady hand.

# %%
portrait = np.asarray(Image.fromarray(data.astronaut()).crop((60, 0, 360, 300)))
shaken = BlurConfig(path_length=(16, 20), noise=(1, 1))
(pair,) = blurred_pairs([SharpImage("portrait", portrait)], shaken, seed=3, bins=1)
blurred = pair.blurred

faces = Deblurrer.from_pretrained("face")
udsd.compare(blurred, faces(blurred))

# %% [markdown]
# The model learnt from faces of 160 to 224 pixels, aligned and seen from the front. So the picture is looked at first:
# faces are found, turned upright and brought one by one to the size that suits their blur, and only the change is put
# back. `examine` tells what is found.

# %%
for region in faces.examine(blurred):
    print(region.describe())

# %% [markdown]
# `strength` is how much of the change is taken, from 0 to 1:

# %%
udsd.compare(faces(blurred, strength=0.5), faces(blurred), captions=("strength 0.5", "strength 1"))

# %% [markdown]
# What a restored face shows is what such faces look like. **Never identify anybody by it.**
