"""The metadata of a card, the lines of YAML between its ``---``: read, and checked without asking the Hub."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from udsd.errors import PublishError
from udsd.pretrained.hub_errors import first_line

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*|code|multilingual")
_LISTS = ("base_model", "datasets", "language", "metrics", "tags")


def read_metadata(card: str, name: str) -> ModelCardData:
    """The metadata of a card, checked.

    What huggingface_hub tells is left to it (the syntax, the structure of ``model-index``), and what only the Hub
    knows, such as its names of licences, to the Hub.

    Args:
        card: Its text.
        name: What messages call it.

    Raises:
        PublishError: The metadata is no YAML, or a field is not what the Hub takes.
    """
    from huggingface_hub import ModelCard

    try:
        data = ModelCard(card).data
    # The errors of YAML, and whatever the fields lead to, have no base in common.
    except Exception as error:
        raise _refusal(name, first_line(error)) from error
    for problem in _problems(data):
        raise _refusal(name, problem)
    return data  # type: ignore[return-value]


def _refusal(name: str, problem: str) -> PublishError:
    return PublishError(f"the metadata of {name} is not valid: {problem}; correct the lines between its ---")


def _problems(data: Any) -> Any:
    for key in _LISTS:
        value = data.get(key)
        values = value if isinstance(value, list) else [value]
        if value is not None and not all(isinstance(one, str) and one.strip() for one in values):
            yield f"{key} is {value!r}; give a text or a list of texts"
    language = data.get("language") or []
    for one in [language] if isinstance(language, str) else language:
        # YAML takes a bare "no", Norwegian, for false, which the check above has caught.
        if not _LANGUAGE.fullmatch(one):
            yield f"language is {one!r}; give a code such as en"
    if data.get("license") == "other" and not data.get("license_name"):
        yield "license is other, without a license_name; name it"
    for key in ("license", "license_name", "license_link", "library_name", "pipeline_tag"):
        value = data.get(key)
        if value is not None and not isinstance(value, str) and not (key == "license" and isinstance(value, list)):
            yield f"{key} is {value!r}; give a text"
    for result in data.get("eval_results") or []:
        value = result.metric_value
        if isinstance(value, float) and not math.isfinite(value):
            yield f"{result.metric_type} in model-index is {value}; give a finite number"
