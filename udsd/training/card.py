"""The card of a trained model: what it was trained on and how, and how well it does by its validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from udsd.training.recipe_files import recipe_text
from udsd.training.runs import TrainedRun
from udsd.training.scores import Scored

MARK = "<!-- Written by udsd-train export. Remove this line to keep what you change. -->"
"""A card with this line is written anew by the next export; any other one is left alone."""

_PRIVATE = {"data": ("sharp", "blurred", "validation", "validation_pairs"), "run": ("vgg_weights", "device")}
"""Settings that are paths on somebody's machine, or say nothing of the model."""

_SCORES = {"psnr": "PSNR at best shift, dB", "ssim": "SSIM", "d_vgg": "d_VGG, relative to blurred"}


def model_card(run: TrainedRun) -> str:
    """The text of `README.md` in the model folder of a run."""
    return "\n".join(_lines(run)) + "\n"


def _lines(run: TrainedRun) -> Iterator[str]:
    config = run.config
    yield from ("---", "library_name: udsd", "pipeline_tag: image-to-image", "tags: [deblurring]", "---", "", MARK, "")
    yield from ("# A udsd deblurring model", "")
    warm, unpaired = config.warm_start.steps, config.unpaired.steps + config.unpaired.decay_steps
    stages = [f"{warm:,} steps of the warm start"] if warm else []
    stages += [f"{unpaired:,} unpaired steps"] if unpaired else []
    yield "Weights for `udsd.Deblurrer.from_pretrained`, as they were after"
    yield f"step {run.step:,} of {' and '.join(stages)}."
    start = _shown_start(config.run.init)
    if start:
        yield f"Training began with {start}."
    yield from ("", "## Images", "", *_images(run.data), "", "## Scores", "", *_scores(run))
    yield from ("", "## Settings", "", "```toml", recipe_text(_public(config.to_dict())).rstrip(), "```")


def _images(data: Mapping[str, Any]) -> Iterator[str]:
    if not data:
        yield "Nothing was recorded."
        return
    for role, facts in data.items():
        sizes = [
            f"{name} {facts[name][0]} x {facts[name][1]}" for name in ("smallest", "median", "largest") if name in facts
        ]
        yield f"- {facts['count']:,} {role}" + (f" ({', '.join(sizes)} pixels)" if sizes else "")


def _scores(run: TrainedRun) -> Iterator[str]:
    scores = run.scores
    exported = next((one for one in (scores.last, scores.best) if one is not None and one.step == run.step), None)
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
    where, _, kind = next(
        ((name.removesuffix(f"_{kind}"), "_", kind) for kind in _SCORES if name.endswith(f"_{kind}")), (name, "", "")
    )
    sets = {"validation": "sharp images, blurred as in training", "validation_pairs": "real pairs"}
    return f"{_SCORES[kind]} ({sets.get(where, where)})" if kind else name


def _shown_start(init: str) -> str:
    """The model that a run began with; a folder on somebody's machine by its own name only."""
    if not init:
        return ""
    return f"a model folder `{Path(init).name}`" if Path(init).is_absolute() else f"`{init}`"


def _public(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    public = {
        section: {name: value for name, value in values.items() if name not in _PRIVATE.get(section, ())}
        for section, values in settings.items()
    }
    if Path(public["run"]["init"]).is_absolute():
        del public["run"]["init"]
    return public
