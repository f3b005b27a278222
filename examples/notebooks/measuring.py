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
# # Measuring a model
#
# On sharp pictures, blurred here, so that it is known what should come out. On the command line: `udsd evaluate
# pages/ -o report/`.

# %%
import tempfile
from pathlib import Path

import numpy as np
from IPython.display import Markdown
from PIL import Image, ImageDraw, ImageFont

from udsd import Deblurrer
from udsd.degradation import BlurConfig
from udsd.evaluation import SharpImage, blurred_pairs, evaluate, unsharp_mask

# %% [markdown]
# ## A test set
#
# Strips of text, which no model was trained on: the notebook sets them itself. A set worth a conclusion would have
# hundreds, from many sources.

# %%
SENTENCE = """every letter is still there, only spread over its neighbours, and whoever knows what letters look like
can put most of them back. Short paths are easy, long ones are not: 1874, 3.1416, 27 %"""


def strip(seed: int) -> SharpImage:
    """Four lines of words in random order, in one of four sizes."""
    random = np.random.default_rng(seed)
    size = (14, 16, 18, 20)[seed % 4]
    lines = [" ".join(random.choice(SENTENCE.split(), 6)) for _ in range(4)]
    image = Image.new("RGB", (400, 5 * size + 20), "white")
    ImageDraw.Draw(image).multiline_text((20, 10), "\n".join(lines), "black", ImageFont.load_default(size))
    return SharpImage(f"strip {seed}", np.asarray(image))


Image.fromarray(strip(1).image)

# %% [markdown]
# Each is blurred by a camera path of its own. The range of lengths is divided into three bins, which take turns; seed
# and place in the set decide about the blur, so that everybody measures the same.

# %%
blur = BlurConfig(path_length=(10, 40), noise=(0, 2))
pairs = list(blurred_pairs(map(strip, range(12)), blur, seed=0))

# %% [markdown]
# ## The scores
#
# A method is a function from picture to picture, so that anything can be put beside a model. An unsharp mask says
# what there is to have for nothing. (Where a model takes a strip for sharp already it says so, and restores it all
# the same.)

# %%
methods = {
    "text": Deblurrer.from_pretrained("text"),
    "text-small": Deblurrer.from_pretrained("text-small"),
    "unsharp mask": unsharp_mask,
}
report = evaluate(pairs, methods, ocr=False, vgg=None)
Markdown(report.to_markdown())

# %% [markdown]
# *PSNR at best shift* allows the result to lie some pixels beside the sharp picture, since a blur does not say where
# its middle is. It leaves out four pixels along each border, so that it can be the lower one. *inverted* and
# *collapsed* count outputs that are a negative, or the same whatever came. With `ocr=True`, where tesseract is
# installed, the report has character error rates.
#
# Scores of single pictures show what a mean hides:

# %%
gains = {}
for score in report.scores:
    gains.setdefault(score.name, {})[score.method] = score.shift_tolerant_psnr
for name, by_method in gains.items():
    print(f"{name:9} {by_method['blurred']:.1f} dB, restored by text {by_method['text']:.1f} dB")

# %% [markdown]
# ## The pictures
#
# No number replaces looking. From the smallest gain to the largest:

# %%
sheet = Path(tempfile.mkdtemp()) / "sheet.png"
report.contact_sheet(sheet)
Image.open(sheet)
