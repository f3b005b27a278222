"""Write what is generated in the cards of the bundled models: metadata, usage, table of scores, citation.

    python examples/write_cards.py                # the figures are those of weights_manifest.json
    python examples/write_cards.py --pictures     # and their pictures, which takes a minute

What is not generated is written by hand: between the parts that ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``
enclose.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import udsd
from udsd import Deblurrer
from udsd.images import save_image
from udsd.pretrained import load_manifest
from udsd.pretrained.card import CITATION, CardFacts, scores_table, usage, with_front_matter, with_part
from udsd.pretrained.lookup import BUNDLED_MODELS

ROOT = Path(__file__).resolve().parents[1]

PICTURE = "before_after.jpg"

_PAGES = {
    "datasets": ("debian-texlive-documentation",),
    "language": ("en",),
    "tags": ("document-images",),
    "test_set": "48 strips of 60 held-out documents, blurred by random camera paths of 10 to 60 px",
    "test_set_id": "debian-texlive-documentation-held-out",
}
"""Of `text` and `text-small`."""

DESCRIBED = {
    "face": {
        "datasets": ("celeba", "lfw", "utkface"),
        "tags": ("faces",),
        "test_set": "500 faces of 500 people of LFW, none trained on, blurred by random camera paths of 10 to 60 px",
        "test_set_id": "lfw",
    },
    "text": {**_PAGES, "base_model": "udsd/text-small"},
    "text-small": _PAGES,
}
"""What the manifest does not tell."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", action="store_true")
    options = parser.parse_args()
    for name in DESCRIBED:
        path = BUNDLED_MODELS / name / "README.md"
        path.write_text(written(name, path.read_text(encoding="utf-8")), encoding="utf-8")
        if options.pictures:
            save_image(draw_picture(name), path.with_name(PICTURE), quality=80)


def written(name: str, card: str) -> str:
    """The card of a bundled model with its generated parts made anew."""
    entry = load_manifest().get(name)
    facts = CardFacts(
        name=name,
        licence=entry.licence,
        has_licence_file=(BUNDLED_MODELS / name / "LICENSE").is_file(),
        scores=entry.scores,
        **DESCRIBED[name],
    )
    card = with_front_matter(card, facts)
    for part, text in (("use", usage(name)), ("scores", scores_table(facts)), ("citation", CITATION)):
        card = with_part(card, part, text)
    return card


def draw_picture(name: str) -> Image.Image:
    """Before and after: of `face` the portrait of docs/images/face.png, else the page of `make demo`."""
    if name == "face":
        return Image.open(ROOT / "docs" / "images" / "face.png").convert("RGB")
    blurred = np.asarray(Image.open(ROOT / "examples" / "page_blurred.png"))[40:290]
    return udsd.compare(blurred, Deblurrer.from_pretrained(name)(blurred))


if __name__ == "__main__":
    main()
