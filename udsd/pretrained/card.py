"""What is the same in the card of every model: metadata, how the model is used, and what is to be cited."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from udsd.errors import ConfigError

REPO_PLACEHOLDER = "ORG/REPO"
"""Stands in a card that was written before anybody knew where it will be published; the repository takes its place."""

PAPER = "https://arxiv.org/abs/1903.01594"

CUSTOM_LICENCE = "LicenseRef-"
"""Begins an SPDX name of a licence that SPDX does not list."""

_OF_THE_INPUT = " blurred"
"""Ends the name of a score that is the blurred input's, given to compare with; no result of the model."""

_SCORES = {
    "PSNR gain dB": ("psnr_gain", "PSNR gain over the blurred input, dB"),
    "PSNR": ("psnr", "PSNR at best shift, dB"),
    "SSIM": ("ssim", "SSIM"),
    "CER": ("cer", "character error rate"),
    "d_VGG": ("d_vgg", "d_VGG, relative to blurred"),
}
"""By the names that the manifest gives to scores: identifier and name for a card. Of these, CER and d_VGG fall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What the metadata of a card is made from.

    Attributes:
        name: Name of the model.
        licence: SPDX name of its licence; empty if none was chosen.
        has_licence_file: Whether ``LICENSE`` lies beside the card.
        base_model: The repository of the model that its training began with; empty for none.
        datasets: What it was trained on, by identifiers.
        language: What language its images show, by ISO codes; empty where there is none.
        tags: Further tags, beside those of every model.
        scores: Measured figures, by the names of the manifest; those whose name ends in " blurred" are the input's.
        test_set: What they were measured on, in a line.
        test_set_id: The same as an identifier.
    """

    name: str
    licence: str = ""
    has_licence_file: bool = False
    base_model: str = ""
    datasets: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    test_set: str = ""
    test_set_id: str = ""


def front_matter(facts: CardFacts) -> str:
    """The metadata as the lines of YAML that a card begins with, the ``---`` included."""
    from huggingface_hub import EvalResult, ModelCardData

    licence, licence_name = _licence_of(facts.licence)
    results = [
        EvalResult(
            task_type="image-to-image",
            task_name="Deblurring",
            dataset_type=facts.test_set_id,
            dataset_name=facts.test_set,
            metric_type=kind,
            metric_name=title,
            metric_value=value,
        )
        for kind, title, value in _results(facts.scores)
    ]
    data = ModelCardData(
        license=licence or None,
        license_name=licence_name or None,
        license_link="LICENSE" if facts.has_licence_file else None,
        language=list(facts.language) or None,
        library_name="udsd",
        pipeline_tag="image-to-image",
        tags=["deblurring", *facts.tags],
        datasets=list(facts.datasets) or None,
        metrics=[result.metric_type for result in results] or None,
        base_model=facts.base_model or None,
        model_name=facts.name if results else None,
        eval_results=results or None,
    )
    return f"---\n{data.to_yaml()}\n---\n"


def scores_table(facts: CardFacts) -> str:
    """The scores as a table of Markdown, the blurred input's beside the model's where they are known."""
    lines = ["| score | this model | the blurred input |", "| --- | ---: | ---: |"]
    for name, value in facts.scores.items():
        if not name.endswith(_OF_THE_INPUT):
            before = facts.scores.get(name + _OF_THE_INPUT)
            lines.append(f"| {_title(name)} | {value:g} | {'' if before is None else f'{before:g}'} |")
    return "\n".join([*lines, "", f"Measured on {facts.test_set}.", ""])


def usage(model: str, repository: str = "") -> str:
    """How the model is used, as a section of Markdown.

    Args:
        model: What ``from_pretrained`` takes.
        repository: The address of udsd's sources; empty if it is not known.
    """
    return f"""\
## Use it

```
python -m pip install "git+{repository or _SOME_REPOSITORY}"
udsd deblur blurred.png --model {model} -o restored.png
```

```python
from udsd import Deblurrer

deblurrer = Deblurrer.from_pretrained("{model}")
deblurrer("blurred.png").save("restored.png")
```
{"" if repository else _SOURCES}"""


def source_address() -> str:
    """The address of udsd's sources, as the installed package tells it; empty if it does not."""
    from importlib import metadata  # here, for it takes time

    try:
        urls = metadata.metadata("udsd").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    return next((url.partition(", ")[2] for url in urls if url.startswith("Repository, ")), "")


_SOME_REPOSITORY = "REPOSITORY"
_SOURCES = f"""
`{_SOME_REPOSITORY}` is the address of the sources of udsd; no package index has it yet.
"""

CITATION = f"""\
## Citation

The method is that of [Unsupervised Domain-Specific Deblurring via Disentangled Representations]({PAPER}):

```bibtex
@InProceedings{{Lu_2019_CVPR,
  author = {{Lu, Boyu and Chen, Jun-Cheng and Chellappa, Rama}},
  title = {{Unsupervised Domain-Specific Deblurring via Disentangled Representations}},
  booktitle = {{CVPR}},
  year = {{2019}}
}}
```
"""
"""What is to be cited, as a section of Markdown."""

MINIMAL_CARD = f"""\
---
library_name: udsd
pipeline_tag: image-to-image
tags:
- deblurring
---

# A udsd deblurring model

Weights for `udsd.Deblurrer.from_pretrained`. Nothing else was recorded: what this model was trained on, for how long
and how well it restores is unknown until somebody writes it here.

{usage(REPO_PLACEHOLDER)}
{CITATION}"""
"""The card of a model of which nothing was told."""


def with_front_matter(card: str, facts: CardFacts) -> str:
    """A card with other metadata."""
    return front_matter(facts) + re.sub(r"\A---\n.*?^---\n", "", card, flags=re.DOTALL | re.MULTILINE)


def with_part(card: str, name: str, text: str) -> str:
    """A card with another text between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``.

    Raises:
        ConfigError: The card has no such place.
    """
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->\n"
    before, found, rest = card.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ConfigError(f"the card has no {begin.strip()} ... {end.strip()}; put them where the part belongs")
    return f"{before}{begin}{text}{end}{after}"


def _licence_of(spdx: str) -> tuple[str, str]:
    """Name of the Hub for a licence, and the licence's own name where the Hub knows it not."""
    if spdx.startswith(CUSTOM_LICENCE):
        return "other", spdx.removeprefix(CUSTOM_LICENCE)
    return spdx.lower(), ""


def _results(scores: Mapping[str, float]) -> Iterator[tuple[str, str, Any]]:
    for name, value in scores.items():
        if not name.endswith(_OF_THE_INPUT):
            yield _SCORES.get(name, (re.sub(r"\W+", "_", name.lower()),))[0], _title(name), value


def _title(name: str) -> str:
    return _SCORES.get(name, ("", name))[1]
