"""The tables of `claims.py`, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from claims_probes import BLURS, CONTENTS

UNDECIDED = "undecided at this budget"

CODES = {
    "length R2": ("neighbours_length_r2", 2),
    "length, px": ("neighbours_length_error", 1),
    "angle, deg": ("neighbours_angle_error", 1),
    "linear: length R2": ("linear_length_r2", 2),
    "linear: angle, deg": ("linear_angle_error", 1),
    "blur found": ("blur_found", 2),
    "content found": ("content_found", 2),
    "blur first": ("blur_first", 2),
    "variance by blur": ("blur_share", 2),
    "by content": ("content_share", 2),
}
"""Columns, each with the figure it shows and its digits."""

ABLATION = {
    "PSNR gain, dB": ("psnr_gain", 2),
    "d_VGG gain": ("d_vgg_gain", 3),
    "length R2 of z": ("neighbours_length_r2", 2),
    "blur first": ("blur_first", 2),
}

NOT_APPLICABLE = "not applicable: no perceptual loss (no VGG-19 was given; for text the paper has none)"

Figures = Mapping[str, Any]


def tables(results: Mapping[str, Any]) -> str:
    """All results so far."""
    parts = [("What z tells", _codes), ("Blur transfer", _transfer), ("Ablation", _ablation)]
    made = {title: make(results) for title, make in parts}
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in made.items() if text)


def decide(whole: Sequence[float], without: Sequence[float], digits: int) -> str:
    """The difference of the means, or that it is no larger than a spread over seeds."""
    if not without:
        return "-"
    if min(len(whole), len(without)) < 2:
        return "one seed"
    difference = float(np.mean(without) - np.mean(whole))
    spread = max(float(np.ptp(whole)), float(np.ptp(without)))
    return UNDECIDED if spread >= abs(difference) else f"{difference:+.{digits}f}"


def chances(lengths: Sequence[float]) -> dict[str, float]:
    """What codes that tell nothing would give: the mean length and any angle are guessed."""
    length_error, angle_error = (lengths[1] - lengths[0]) / 4, 45.0
    guesses = {"length_r2": 0.0, "length_error": length_error, "angle_error": angle_error}
    probed = {f"{probe}_{name}": value for probe in ("neighbours", "linear") for name, value in guesses.items()}
    return probed | {"blur_found": 1 / BLURS, "content_found": 1 / CONTENTS, "blur_first": 0.5}


def _codes(results: Mapping[str, Any]) -> str:
    if not results["codes"]:
        return ""
    chance = chances(results["settings"]["lengths"])
    cells = [f"{chance[name]:.{digits}f}" if name in chance else "-" for name, digits in CODES.values()]
    return f"{_table('model', CODES, _by_kind(results['codes']))}\n| chance | | {' | '.join(cells)} |"


def _transfer(results: Mapping[str, Any]) -> str:
    found = results["transfer"]
    if not found:
        return ""
    lines = ["| by | blur of b | blur of another image | no blur |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {values['moved']:.2f} | {values['exchanged']:.2f} | {values['sharp']:.2f} |"
        for name, values in found.items()
    ]
    return "\n".join(lines)


def _ablation(results: Mapping[str, Any]) -> str:
    kinds = _by_kind(results["ablation"])
    if "whole" not in kinds:
        return ""
    columns = {title: column for title, column in ABLATION.items() if column[0] in kinds["whole"][0]}
    lines = [_table("objective", columns, kinds), "", "Differences to the whole objective:", ""]
    lines += [f"| objective | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    for kind, runs in kinds.items():
        if kind != "whole":
            found = [
                decide(_values(kinds["whole"], name), _values(runs, name), digits) for name, digits in columns.values()
            ]
            lines.append(f"| {kind} | {' | '.join(found)} |")
    if not results["settings"]["perceptual"]:
        lines += [
            f"| {kind} | {NOT_APPLICABLE} |" + " |" * (len(columns) - 1)
            for kind in ("no perceptual loss", "reference s, not b")
        ]
    return "\n".join(lines)


def _by_kind(found: Mapping[str, Figures]) -> dict[str, list[Figures]]:
    """The figures of all seeds of each kind of run."""
    kinds: dict[str, list[Figures]] = {}
    for name, values in found.items():
        kinds.setdefault(name.rpartition("/")[0] or name, []).append(values)
    return kinds


def _table(first: str, columns: Mapping[str, tuple[str, int]], kinds: Mapping[str, Sequence[Figures]]) -> str:
    lines = [f"| {first} | seeds | {' | '.join(columns)} |", "|---|---:|" + "---:|" * len(columns)]
    for kind, runs in kinds.items():
        cells = [_shown(_values(runs, name), digits) for name, digits in columns.values()]
        lines.append(f"| {kind} | {len(runs)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _values(runs: Sequence[Figures], name: str) -> list[float]:
    """The figure of each run that has it: without E^b there is no code to look into."""
    direct = name.replace("neighbours_", "estimated_")  # an estimator needs no probe
    return [run.get(name, run.get(direct)) for run in runs if name in run or direct in run]


def _shown(values: Sequence[float], digits: int) -> str:
    """The mean, and of several values the lowest and the highest."""
    if not values:
        return "-"
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"
