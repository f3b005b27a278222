"""The card of a trained model: what it was trained on and how, and how well it does by its validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from udsd.pretrained.card import CITATION, REPO_PLACEHOLDER, CardFacts, front_matter, source_address, usage
from udsd.training.recipe_files import recipe_text
from udsd.training.runs import TrainedRun
from udsd.training.scores import Scored

MARK = "<!-- Written by udsd-train export. Remove this line to keep what you change. -->"
"""A card with this line is written anew by the next export; any other one is left alone."""

_PRIVATE = {
    "data": ("sharp", "blurred", "pairs", "validation", "validation_pairs"),
    "blur": ("learnt",),
    "run": ("vgg_weights", "device"),
}
"""Settings that are paths on somebody's machine, or say nothing of the model."""

_SCORES = {"psnr": "PSNR at best shift, dB", "ssim": "SSIM", "d_vgg": "d_VGG, relative to blurred"}


_INDEX = {"psnr": "PSNR", "ssim": "SSIM", "d_vgg": "d_VGG"}
"""Of these scores, the names by which `udsd.pretrained.card` knows them."""

_SETS = {"validation": "sharp images, blurred as in training", "validation_pairs": "real pairs"}


def card_facts(run: TrainedRun, name: str, licence: str, *, base_model: str, has_licence_file: bool) -> CardFacts:
    """What the metadata of the card of a run is made from.

    Scores in it are those of real pairs where there were any, and else those of held-out images blurred as in training.

    Args:
        run: The run.
        name: Name of the model.
        licence: SPDX name of its licence; empty if none was chosen.
        base_model: The repository of the model that it began with; empty for none.
        has_licence_file: Whether ``LICENSE`` lies beside the card.
    """
    exported = _exported(run)
    scores = {} if exported is None else exported.scores
    chosen = next((held for held in reversed(_SETS) if any(_parts(score)[0] == held for score in scores)), "")
    return CardFacts(
        name=name,
        licence=licence,
        has_licence_file=has_licence_file,
        base_model=base_model,
        scores={
            _INDEX[_parts(score)[1]]: round(value, 4)
            for score, value in scores.items()
            if _parts(score)[0] == chosen and _parts(score)[1] in _INDEX
        },
        test_set=f"held-out {_SETS[chosen]}" if chosen else "",
        test_set_id=f"own-{chosen.replace('_', '-')}" if chosen else "",
    )


def model_card(run: TrainedRun, facts: CardFacts) -> str:
    """The text of `README.md` in the model folder of a run."""
    return front_matter(facts) + "\n".join(_lines(run, facts)) + "\n"


def _lines(run: TrainedRun, facts: CardFacts) -> Iterator[str]:
    config = run.config
    yield from ("", MARK, "", "# A udsd deblurring model", "")
    warm, unpaired = config.warm_start.steps, config.unpaired.steps + config.unpaired.decay_steps
    stages = [f"{warm:,} steps of the warm start"] if warm else []
    stages += [f"{unpaired:,} unpaired steps"] if unpaired else []
    yield "Weights for `udsd.Deblurrer.from_pretrained`, as they were after"
    yield f"step {run.step:,} of {' and '.join(stages)}."
    start = _shown_start(config.run.init)
    if start:
        yield f"Training began with {start}."
    teacher = _shown_start(config.warm_start.teacher)
    if teacher:
        yield f"It learnt from {teacher}: {100 * config.warm_start.teacher_share:.0f} % of what it was to give."
    yield from ("", usage(REPO_PLACEHOLDER, source_address()).rstrip(), "", "## Licence", "", _licence(facts))
    yield from ("", "## Images", "", *_images(run.data), "")
    if config.blur.learnt:
        yield from ("Sharp images were blurred in ways learnt from blurred ones, not by the ranges below.", "")
    if config.data.pairs:
        yield from ("It was trained on real pairs: nothing was blurred by the ranges of `[blur]` below.", "")
    yield from ("## Scores", "", *_scores(run))
    yield from ("", "## Limits", "", _LIMITS)
    yield from ("", "## Settings", "", "```toml", recipe_text(_public(config.to_dict())).rstrip(), "```", "")
    yield CITATION.rstrip()


_LIMITS = """\
It knows images like those it was trained on, and blur like that of its training. What it draws of
an image that is blurred more is what such images look like, and need not be what was there. Where it fails nobody has
written yet."""


def _licence(facts: CardFacts) -> str:
    if not facts.licence:
        return (
            "None was chosen, so that nobody else may use the weights: give `udsd-train export --licence Apache-2.0`, "
            "or another SPDX name."
        )
    return f"{facts.licence}{' ([LICENSE](LICENSE))' if facts.has_licence_file else ''}."


def _images(data: Mapping[str, Any]) -> Iterator[str]:
    if not data:
        yield "Nothing was recorded."
        return
    for role, facts in data.items():
        sizes = [
            f"{name} {facts[name][0]} x {facts[name][1]}" for name in ("smallest", "median", "largest") if name in facts
        ]
        yield f"- {facts['count']:,} {role}" + (f" ({', '.join(sizes)} pixels)" if sizes else "")


def _exported(run: TrainedRun) -> Scored | None:
    """The scores of the weights that are exported, if they were measured."""
    return next((one for one in (run.scores.last, run.scores.best) if one is not None and one.step == run.step), None)


def _scores(run: TrainedRun) -> Iterator[str]:
    scores, exported = run.scores, _exported(run)
    if scores.start is None or exported is None:
        yield (
            "The run was not measured (`--validation`, `--validation-pairs`)."
            if scores.start is None
            else (f"These weights, of step {run.step:,}, were not measured.")
        )
        return
    columns: list[tuple[str, Mapping[str, float]]] = [
        ("blurred", scores.blurred),
        (f"at the start (step {scores.start.step:,})", scores.start.scores),
        (f"this model (step {exported.step:,})", exported.scores),
    ]
    yield f"| score | {' | '.join(name for name, _ in columns)} |"
    yield f"| --- |{' ---: |' * len(columns)}"
    for name in exported.scores:
        values = [f"{values[name]:.4g}" if name in values else "" for _, values in columns]
        yield f"| {_title(name)} | {' | '.join(values)} |"
    if _is_below(scores.start, exported):
        yield from ("", "It is below its start.")


def _is_below(start: Scored, exported: Scored) -> bool:
    return exported.value < start.value


def _title(name: str) -> str:
    where, kind = _parts(name)
    return f"{_SCORES[kind]} ({_SETS.get(where, where)})" if kind else name


def _parts(name: str) -> tuple[str, str]:
    """What a score was measured on, and which it is; empty if that is not known."""
    kind = next((kind for kind in _SCORES if name.endswith(f"_{kind}")), "")
    return name.removesuffix(f"_{kind}"), kind


def _shown_start(init: str) -> str:
    """A model that a run began with or learnt from; a folder on somebody's machine by its own name only."""
    if not init:
        return ""
    return f"a model folder `{Path(init).name}`" if Path(init).is_absolute() else f"`{init}`"


def _public(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    public = {
        section: {name: value for name, value in values.items() if name not in _PRIVATE.get(section, ())}
        for section, values in settings.items()
    }
    for section, name in (("run", "init"), ("warm_start", "teacher")):
        if Path(public[section][name]).is_absolute():
            del public[section][name]
    return public
