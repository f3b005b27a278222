from __future__ import annotations

from xml.etree import ElementTree

from udsd.facts import facts_html, facts_repr

FACTS = {"model": "it's <mine> & yours\x1b[2J", "domain": "", "device": "cpu"}


def test_a_repr_is_one_line_that_steers_no_terminal() -> None:
    assert facts_repr("Thing", FACTS) == r"""Thing(model="it's <mine> & yours\x1b[2J", device='cpu')"""


def test_values_are_no_html() -> None:
    facts = {**FACTS, "model": "<script>alert(1)</script> & more"}
    table = ElementTree.fromstring(facts_html("Thing", facts))
    assert [cell.text for cell in table.iter("th")] == ["model", "device"]
    assert [cell.text for cell in table.iter("td")] == ["<script>alert(1)</script> & more", "cpu"]
