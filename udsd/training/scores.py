"""How a run does by its validation: at its start, at its best and now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores at one step.

    Attributes:
        step: Steps that the run had done.
        value: The score by which steps are compared; the higher the better.
        scores: All scores by name.
    """

    step: int
    value: float
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RunScores:
    """The scores of a run that have to be remembered.

    Attributes:
        name: Name of the score by which steps are compared; empty for a run without validation.
        fingerprint: What it was measured on. Scores of another set cannot be compared with these.
        blurred: The scores of the images as they are.
        start: Before the first step, or where the run went on with another set.
        best: The best so far; of equal ones the first.
        last: The newest.
    """

    name: str = ""
    fingerprint: str = ""
    blurred: Mapping[str, float] = field(default_factory=dict)
    start: Scored | None = None
    best: Scored | None = None
    last: Scored | None = None

    def with_new(self, step: int, scores: Mapping[str, float]) -> RunScores:
        """These, and the scores of one more step."""
        new = Scored(step, scores[self.name], dict(scores))
        best = new if self.best is None or new.value > self.best.value else self.best
        return replace(self, start=self.start or new, best=best, last=new)

    def with_best(self, best: Scored) -> RunScores:
        """These, with another best unless theirs is as good."""
        return self if self.best is not None and self.best.value >= best.value else replace(self, best=best)

    @property
    def ended_below_start(self) -> bool:
        """Whether the newest score is lower than the first."""
        return self.start is not None and self.last is not None and self.last.value < self.start.value

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the inverse of `from_dict`."""
        moments = {
            kind: None
            if scored is None
            else {"step": scored.step, "value": scored.value, "scores": dict(scored.scores)}
            for kind, scored in (("start", self.start), ("best", self.best), ("last", self.last))
        }
        return {"name": self.name, "fingerprint": self.fingerprint, "blurred": dict(self.blurred), **moments}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunScores:
        """What `to_dict` returned.

        Raises:
            TypeError: It is something else.
        """
        moments = {
            kind: None if values.get(kind) is None else Scored(**values[kind]) for kind in ("start", "best", "last")
        }
        return cls(values.get("name", ""), values.get("fingerprint", ""), values.get("blurred", {}), **moments)
