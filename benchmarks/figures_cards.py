"""Write what is generated: in the cards of the bundled models, in the README, and the scores of the manifest.

All figures are those of `figures_results.FILE`. What is not generated is written by hand: between the parts that
``<!-- NAME:begin -->`` and ``<!-- NAME:end -->`` enclose.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from figures_results import Results
from figures_sets import main_set
from figures_tables import card_tables, scores, zoo
from PIL import Image

import udsd
from udsd import Deblurrer
from udsd.images import save_image
from udsd.pretrained import Manifest, ModelEntry, load_manifest
from udsd.pretrained.card import CITATION, CardFacts, scores_table, usage, with_front_matter, with_part
from udsd.pretrained.lookup import BUNDLED_MODELS

sys.path.append(str(Path(__file__).resolve().parents[1] / "examples"))
from make_face import draw_portrait

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = ROOT / "weights_manifest.json"
README = ROOT / "README.md"
PICTURE = "before_after.jpg"

_PAGES = {"datasets": ("debian-texlive-documentation",), "language": ("en",), "tags": ("document-images",)}
"""Of `text` and `text-small`."""

DESCRIBED: dict[str, dict[str, Any]] = {
    "face": {"datasets": ("celeba", "lfw", "utkface"), "tags": ("faces",)},
    "face-small": {"datasets": ("celeba", "lfw", "utkface"), "tags": ("faces",), "base_model": "udsd/face"},
    "plate": {"datasets": ("udsd-drawn-plates",), "tags": ("license-plates",), "base_model": "udsd/text"},
    "text": {**_PAGES, "base_model": "udsd/text-small"},
    "text-small": _PAGES,
}
"""What neither the manifest nor the figures tell."""


def write_all(results: Results, *, pictures: bool) -> list[Path]:
    """Write all files whose text changes, and the pictures of the cards if they are wanted.

    Returns:
        What was written.

    Raises:
        ConfigError: The present weights of a model were not measured, or a file has no place for a part.
    """
    made = texts(results)
    changed = [path for path, text in made.items() if path.read_text(encoding="utf-8") != text]
    for path in changed:
        path.write_text(made[path], encoding="utf-8")
    for name in DESCRIBED if pictures else ():
        path = BUNDLED_MODELS / name / PICTURE
        save_image(draw_picture(name), path, quality=80)
        changed.append(path)
    return changed


def texts(results: Results) -> dict[Path, str]:
    """The files that hold figures, as they are to be."""
    manifest = load_manifest(MANIFEST)
    found = {MANIFEST: manifest_text(results, manifest)}
    for entry in manifest.models:
        path = BUNDLED_MODELS / entry.alias / "README.md"
        if path.exists():
            found[path] = card_text(results, entry, manifest, path.read_text(encoding="utf-8"))
    found[README] = with_part(README.read_text(encoding="utf-8"), "zoo", zoo(results, manifest))
    return found


def manifest_text(results: Results, manifest: Manifest) -> str:
    """The manifest with the scores of the results."""
    content = json.loads(MANIFEST.read_text(encoding="utf-8"))
    for values, entry in zip(content["models"], manifest.models, strict=True):
        values["scores"] = scores(results, entry)
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def card_text(results: Results, entry: ModelEntry, manifest: Manifest, card: str) -> str:
    """A card with its generated parts made anew."""
    one = main_set(entry.kind)
    facts = CardFacts(
        name=entry.alias,
        licence=entry.licence,
        has_licence_file=(BUNDLED_MODELS / entry.alias / "LICENSE").is_file(),
        scores=scores(results, entry),
        test_set=one.title,
        test_set_id=one.identifier,
        **DESCRIBED[entry.alias],
    )
    parts = {
        "use": usage(entry.alias),
        "scores": scores_table(facts),
        "figures": card_tables(results, entry, manifest),
        "citation": CITATION,
    }
    card = with_front_matter(card, facts)
    for part, text in parts.items():
        card = with_part(card, part, text)
    return card


def draw_picture(name: str) -> Image.Image:
    """Before and after: a portrait, the plates of the gallery, or the page of `make demo`."""
    kind = load_manifest().get(name).kind
    if kind == "face":
        return draw_portrait(name)
    if kind == "plate":
        return Image.open(ROOT / "docs" / "images" / "plates.jpg").convert("RGB")
    blurred = np.asarray(Image.open(ROOT / "examples" / "page_blurred.png"))[40:290]
    return udsd.compare(blurred, Deblurrer.from_pretrained(name)(blurred))
