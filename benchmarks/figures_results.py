"""The file that all figures of the model cards come from.

A result is good as long as the options of its set, and the version of what was measured, are those of today.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from figures_sets import EvaluationSet

from udsd.atomic import whole_file
from udsd.errors import ConfigError
from udsd.evaluation import EvaluationReport, MeanScores, SharpImage

FILE = Path(__file__).parent / "results" / "figures.json"
ALL = "all"
"""In place of a strength of the blur: the means over all images."""

Figures = Mapping[str, Mapping[str, float]]
"""By strength of the blur, `ALL` first: scores by the names of `MeanScores`, without those that were not measured."""

_DIGITS = 5


class Results:
    """The results in a file, which each new one is written to at once.

    Args:
        path: The file; a missing one is made.

    Raises:
        ConfigError: It cannot be read, or is no JSON.
    """

    def __init__(self, path: Path = FILE) -> None:
        self._path = path
        self._sets: dict[str, Any] = {}
        if path.exists():
            try:
                self._sets = json.loads(path.read_text(encoding="utf-8"))["sets"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"{path} is no file of figures ({error!r}); take it from git, or remove it"
                ) from error

    def figures(self, of: EvaluationSet, method: str, version: str | None = None) -> Figures | None:
        """What was measured of a method; None if nothing was, or of another version. None stands for any version."""
        result = self._entry(of).get("results", {}).get(method)
        if result is None or version not in (None, result["version"]):
            return None
        figures: Figures = result["figures"]
        return figures

    def has(self, of: EvaluationSet, method: str, version: str | None = None) -> bool:
        """Whether `figures` gives any."""
        return self.figures(of, method, version) is not None

    def methods(self, of: EvaluationSet) -> tuple[str, ...]:
        """The names of all that was measured on a set."""
        return tuple(self._entry(of).get("results", {}))

    def add(self, to: EvaluationSet, method: str, version: str, figures: Figures) -> None:
        """Add a result, in the place of an earlier one, and write the file."""
        self._begun(to)["results"][method] = {"version": version, "figures": figures}
        self._save()

    def forget(self, one: EvaluationSet, images: Iterable[SharpImage]) -> None:
        """Remove the results of a set, to measure on these images; of the same images experiments are kept."""
        digest, results = digest_of(images), self._entry(one).get("results", {})
        are_same = self._entry(one).get("images") in (None, digest)
        kept = {method: results[method] for method in one.experiments if are_same and method in results}
        self._sets[one.name] = {"options": one.options, "images": digest, "results": kept}
        self._save()

    def check_images(self, of: EvaluationSet, images: Iterable[SharpImage]) -> None:
        """Remember the sharp images of a set, or check that they are those of its other results.

        Raises:
            ConfigError: They are others.
        """
        digest, entry = digest_of(images), self._begun(of)
        if entry["images"] not in (None, digest):
            raise ConfigError(
                f"{of.name}: these are not the images that {self._path.name} has figures of; give those, "
                "or measure all methods anew with --again"
            )
        entry["images"] = digest

    def _entry(self, of: EvaluationSet) -> dict[str, Any]:
        entry: dict[str, Any] = self._sets.get(of.name, {})
        return entry if entry.get("options") == of.options else {}

    def _begun(self, one: EvaluationSet) -> dict[str, Any]:
        if not self._entry(one):
            self._sets[one.name] = {"options": one.options, "images": None, "results": {}}
        entry: dict[str, Any] = self._sets[one.name]
        return entry

    def _save(self) -> None:
        text = json.dumps({"sets": self._sets}, indent=1, ensure_ascii=False, allow_nan=False)
        with whole_file(self._path) as unfinished:
            unfinished.write_text(text + "\n", encoding="utf-8")


def figures_of(report: EvaluationReport, method: str) -> Figures:
    """The means of a method, over all and by strength of the blur if there are several."""
    strengths = report.strengths if len(report.strengths) > 1 else []
    means = {ALL: report.mean_scores()[method]} | {one: report.mean_scores(one)[method] for one in strengths}
    return {strength: _rounded(scores) for strength, scores in means.items()}


def digest_of(images: Iterable[SharpImage]) -> str:
    """SHA-256 of images with their names and sizes."""
    digest = hashlib.sha256()
    for one in images:
        digest.update(f"{one.name} {one.image.shape}".encode())
        digest.update(one.image.tobytes())
    return digest.hexdigest()


def _rounded(scores: MeanScores) -> dict[str, float]:
    return {name: round(value, _DIGITS) for name, value in asdict(scores).items() if value is not None}
