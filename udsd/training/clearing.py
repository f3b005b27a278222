"""What a run that begins removes: all of the one that it overwrites, and images that nobody needs any more."""

from __future__ import annotations

from pathlib import Path

from udsd.errors import ConfigError
from udsd.training.blur_report import REPORT_FILES
from udsd.training.checkpoint import BEST_FILE, find_checkpoints
from udsd.training.config import TrainingConfig
from udsd.training.given_images import clear_images
from udsd.training.learnt_blur import BLUR_FILES, report_of
from udsd.training.own_paths import IMAGE_SETTINGS
from udsd.training.recipe_files import CONFIG_FILE
from udsd.training.request import NEXT_REQUEST_FILE, REQUEST_FILE, read_request


def clear_run(folder: Path, learnt: str = "") -> None:
    """Remove what a run left in its folder, and nothing else: weights, settings, losses, samples, and its blur.

    Args:
        folder: That of the run.
        learnt: The file of the blur of the run that takes its place, which stays, with its report.
    """
    grids = [path for path in (folder / "samples").glob("*.png") if path.stem.isdecimal()]
    events = (folder / "tensorboard").glob("events.out.tfevents.*")
    own = [folder / name for name in (BEST_FILE, CONFIG_FILE, REQUEST_FILE, "losses.csv")]
    blurs = [folder / name for name in BLUR_FILES if not learnt or folder.absolute() / name != Path(learnt).absolute()]
    reports = [report_of(blur) for blur in blurs if blur.exists()]
    report_files = [report / name for report in reports for name in REPORT_FILES]
    for path in [*find_checkpoints(folder), *own, *grids, *events, *blurs, *report_files]:
        path.unlink(missing_ok=True)
    for report in reports:
        if report.is_dir() and not any(report.iterdir()):
            report.rmdir()
    if (folder / NEXT_REQUEST_FILE).exists():
        (folder / NEXT_REQUEST_FILE).replace(folder / REQUEST_FILE)


def clear_unused_images(folder: Path, config: TrainingConfig) -> None:
    """Remove the images of attempts that came to nothing: those that a run was given in memory, and does not use."""
    try:
        asked, _ = read_request(folder) or ({}, None)
    except ConfigError:  # which images are somebody's is not known
        return
    used = {place for name in IMAGE_SETTINGS for place in getattr(config.data, name)}
    used |= {place for name in IMAGE_SETTINGS for place in asked.get("data", {}).get(name, ())}
    clear_images(folder, used)
