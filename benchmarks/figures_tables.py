"""The tables of cards and README, and the scores of the manifest, from the results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from figures_results import ALL, Figures, Results
from figures_sets import BLURRED, CLASSICS, SETS, SHARP, UNSHARP, WIENER, EvaluationSet, main_set

from udsd.errors import ConfigError
from udsd.evaluation.report import means_table
from udsd.pretrained import Manifest, ModelEntry

CER, PSNR = "character_error_rate", "shift_tolerant_psnr"
RIGHT = "---:"

_ZOO = {
    "PSNR at best shift, dB": (PSNR, 2),
    "SSIM": ("ssim", 3),
    "CER": (CER, 3),
    "d_VGG": ("vgg_distance", 3),
}
"""Columns of the README with the score that each shows and its digits."""


def scores(results: Results, entry: ModelEntry) -> dict[str, float]:
    """The scores of a model, by the names that the manifest gives them.

    Raises:
        ConfigError: These weights were not measured.
    """
    one = main_set(entry.kind)
    model, before = _required(results, one, entry)[ALL], _required(results, one, entry, BLURRED)[ALL]
    found = {"PSNR gain dB": round(round(model[PSNR], 2) - round(before[PSNR], 2), 2), "SSIM": round(model["ssim"], 3)}
    if CER in model:
        found |= {"CER": round(model[CER], 3), "CER blurred": round(before[CER], 3)}
    if "vgg_distance" in model:
        found["d_VGG"] = round(model["vgg_distance"], 3)
    return found


def card_tables(results: Results, entry: ModelEntry, manifest: Manifest, sets: Sequence[EvaluationSet] = SETS) -> str:
    """All figures of a model beside those of its peers: a table for each set, and one for all drawn pages."""
    own = [one for one in sets if one.kind == entry.kind and results.figures(one, entry.alias, entry.sha256)]
    parts = [
        f"{one.title[0].upper()}{one.title[1:]} (`{one.command.replace('MODEL', entry.alias)}`):\n\n"
        f"{_set_table(results, one, entry.alias, manifest)}\n"
        for one in own
        if one.drawing is None
    ]
    if any(results.figures(one, WIENER) for one in own):
        parts.append(
            "Wiener's filter and Richardson-Lucy with the true kernel are a bound for deconvolution: nobody knows the "
            "kernel of a\npicture of their own. The estimated kernel is that of `Deblurrer.estimate_blur`.\n"
        )
    drawn = [one for one in own if one.drawing is not None]
    if drawn:
        parts.append(_drawn_table(results, drawn, entry))
    if own and own[0].ocr:
        parts.append(
            "Character error rates (CER) are against OCR of the sharp image, of drawn pages against their text.\n"
        )
    return "\n".join(parts)


def zoo(results: Results, manifest: Manifest) -> str:
    """The table of the README: the models with their peers, each on its main set.

    Raises:
        ConfigError: The present weights of a model were not measured.
    """
    lines = [["name", "restores", "width", "size", *_ZOO, "licence"], ["---", "---", *[RIGHT] * (len(_ZOO) + 2), "---"]]
    # Pages first, as the sets do; a kind that none measures is refused.
    kinds = [one.kind for one in SETS] + [entry.kind for entry in manifest.models]
    for kind in dict.fromkeys(kinds):
        one = main_set(kind)
        for entry in manifest.models:
            if entry.kind == kind:
                size, cells = f"{entry.bytes / 1e6:.1f} MB", _zoo_cells(_required(results, one, entry))
                lines.append(
                    [f"`{entry.alias}`", entry.description, str(entry.base_width), size, *cells, entry.licence]
                )
        for method in _methods(results, one, manifest):
            cells = _zoo_cells(results.figures(one, method) or {})
            lines.append([f"*{method}*", "", "", "", *cells, ""])
    return f"{_table(lines)}\n"


def _set_table(results: Results, one: EvaluationSet, model: str, manifest: Manifest) -> str:
    """All methods over all images, then input, model and unsharp mask by strength of the blur."""
    found = {method: results.figures(one, method) or {} for method in _methods(results, one, manifest, model)}
    strengths = {strength: None for figures in found.values() for strength in figures}
    rows = [
        (strength, method, figures[strength])
        for strength in strengths
        for method, figures in found.items()
        if strength in figures and (strength == ALL or method in (BLURRED, model, UNSHARP))
    ]
    return means_table(rows)


def _drawn_table(results: Results, sets: Sequence[EvaluationSet], entry: ModelEntry) -> str:
    lines = [["drawn pages, CER", "sharp", "blurred", "as they are", "brought to the model"], ["---", *[RIGHT] * 4]]
    for one in sets:
        others = [results.figures(one, method) for method in (SHARP, BLURRED)]
        own = [results.figures(one, entry.alias + variant, entry.sha256) for variant in one.variants]
        lines.append([one.title, *(_cell(figures, CER, 3) for figures in (*others, *own))])
    how = 'restored as they are (`scale="off"`) and brought to the model'
    return f"Drawn pages, {sets[0].count} of each kind, {how}:\n\n{_table(lines)}\n"


def _methods(results: Results, one: EvaluationSet, manifest: Manifest, model: str = "") -> list[str]:
    """What was measured on a set: the input, one model of the zoo, classic methods, networks, and experiments."""
    measured = results.methods(one)
    known = [BLURRED, *manifest.aliases, *CLASSICS, *one.experiments]
    networks = [method for method in measured if method not in known]
    return [method for method in (BLURRED, model, *CLASSICS, *networks, *one.experiments) if method in measured]


def _zoo_cells(figures: Figures) -> list[str]:
    return [_cell(figures, name, digits) for name, digits in _ZOO.values()]


def _cell(figures: Figures | None, name: str, digits: int) -> str:
    value = (figures or {}).get(ALL, {}).get(name)
    return "" if value is None else f"{value:.{digits}f}"


def _required(results: Results, one: EvaluationSet, entry: ModelEntry, method: str = "") -> Figures:
    figures = results.figures(one, method) if method else results.figures(one, entry.alias, entry.sha256)
    if figures is None:
        raise ConfigError(
            f"no figures of {method or entry.alias} on the set {one.name!r}, of weights with SHA-256 "
            f"{entry.sha256[:12]}...; run make figures"
        )
    return figures


def _table(lines: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
