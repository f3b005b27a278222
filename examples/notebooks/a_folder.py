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
# # A folder
#
# All pictures of a folder at once. What is there already is kept, what cannot be read is told and does not stop the
# others.

# %%
import sys  # noqa: F401, the command below names it
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

import udsd
from udsd import Deblurrer
from udsd.degradation import BlurConfig
from udsd.evaluation import SharpImage, blurred_pairs
from udsd.files import restore_files

folder = Path(tempfile.mkdtemp())
pictures, results = folder / "pictures", folder / "restored"

# %% [markdown]
# ## Pictures to restore
#
# Three pieces of a page and a portrait (NASA, in the public domain), blurred; and one file that only says that it is
# a picture.

# %%
page = np.asarray(Image.open("../page_sharp.png").convert("RGB"))
portrait = np.asarray(Image.fromarray(data.astronaut()).crop((60, 0, 360, 300)))
sharp = [SharpImage(f"page_{top}", page[top : top + 114]) for top in (30, 228, 345)] + [
    SharpImage("portrait", portrait)
]

pictures.mkdir()
for pair in blurred_pairs(sharp, BlurConfig(path_length=(14, 22)), seed=5):
    Image.fromarray(pair.blurred).save(pictures / f"{pair.name}.png")
(pictures / "broken.jpg").write_bytes(b"no picture")
sorted(path.name for path in pictures.iterdir())

# %% [markdown]
# ## One model for all
#
# `progress=True` shows a bar: a widget where ipywidgets is installed, else one of text.

# %%
deblurrer = Deblurrer.from_pretrained("text-small")
report = restore_files(deblurrer, [pictures / "page_*.png", pictures / "broken.jpg"], results, progress=True)

print(f"{len(report.restored)} restored")
for reason in report.failed.values():
    print(reason.replace(str(folder), "..."))

# %%
udsd.compare(pictures / "page_228.png", results / "page_228.png")

# %% [markdown]
# A second time there is nothing to do:

# %%
again = restore_files(deblurrer, [pictures / "page_*.png"], results)
print(f"{len(again.restored)} restored, {len(again.kept)} kept")

# %% [markdown]
# ## A model for each
#
# The command looks at every picture and takes the model that is for it (`udsd deblur pictures/ -o chosen/`; here it
# is called through this Python, so that it is found in any environment):

# %%
# !{sys.executable} -m udsd deblur {pictures}/p*.png -o {folder}/chosen/ -q

# %%
udsd.compare(pictures / "portrait.png", folder / "chosen" / "portrait.png")

# %% [markdown]
# ## In a program of one's own
#
# `deblur_batch` takes anything that can be iterated over, of any sizes, and gives one result for each, in their
# order:

# %%
paths = [*sorted(pictures.glob("page_*.png")), pictures / "broken.jpg"]
for path, result in zip(paths, deblurrer.deblur_batch(paths, on_error="return"), strict=True):
    print(path.name, "->", type(result).__name__ if isinstance(result, udsd.UdsdError) else result.size)
