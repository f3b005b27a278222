"""What an object is, told by name and value: for its `repr`, and as HTML for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape as escape_html


def facts_repr(name: str, facts: Mapping[str, str]) -> str:
    """Facts as a call: ``Deblurrer(model='text v0.1.0', device='cpu')``; those without a value are left out."""
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in facts.items() if value)})"


def facts_html(name: str, facts: Mapping[str, str]) -> str:
    """Facts as a table of HTML under a heading; values are text, not HTML, and those without one are left out."""
    rows = "".join(
        f'<tr><th style="text-align: left">{escape_html(key)}</th>'
        f'<td style="text-align: left">{escape_html(value)}</td></tr>'
        for key, value in facts.items()
        if value
    )
    return f"<table><caption style='text-align: left'><b>{escape_html(name)}</b></caption>{rows}</table>"
