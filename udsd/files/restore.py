"""Restore files: the two functions of this room."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from udsd.arguments import some_path, truth, whole_number
from udsd.domains import DeblurOptions, FaceBoxes
from udsd.errors import ConfigError, ImageError
from udsd.files.kinds import open_source, sink_for
from udsd.files.pipeline import Pipeline, Settings
from udsd.files.plan import Naming, plan_jobs
from udsd.files.report import FileReport, FileResult
from udsd.files.restorer import Restorer, restored_pages
from udsd.files.sources import Comparison
from udsd.images import check_quality
from udsd.inference.batching import images_together
from udsd.paths import is_same_file
from udsd.progress import ImageBar

_BATCH_SIZE = 8
"""Images of one size that run together on a GPU, if nothing else is said."""


def restore_files(
    deblurrer: Restorer,
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    compare: bool = False,
    suffix: str = "",
    file_format: str | None = None,
    quality: int | None = None,
    batch_size: int | None = None,
    options: DeblurOptions | None = None,
    boxes: FaceBoxes | None = None,
    progress: bool = False,
    on_result: Callable[[FileResult], None] | None = None,
) -> FileReport:
    """Restore image files, and all images in folders.

    Results keep the names of their inputs, and their places below the folder that was given. Each appears whole or not
    at all (`udsd.atomic`): a run that is killed leaves no half file, and the next run keeps what is there.

    Work begins with the first file that is found. While the network runs, the next files are read and the last results
    written. All pages of a TIFF and all frames of an animation are restored. What goes wrong with one file is said in
    its result and does not stop the others, be it that memory runs out.

    No input is written over, and results that lie among the inputs are told by a mark in them and not restored again.

    Args:
        deblurrer: The model: a `udsd.Deblurrer`, or anything that restores decoded images.
        inputs: Image files, folders, and patterns such as ``scans/**/*.tif``.
        output: A folder, made when missing; or, for a single file, the name of the result.
        overwrite: Restore again what is in ``output`` already.
        compare: Write a picture of input and result beside each other, of the first page, instead of the result alone.
        suffix: Added to the names of results, before their ending: ``"_sharp"``.
        file_format: Ending of the results, such as ``"png"``, instead of that of each input.
        quality: Of JPEG, WebP and the like, 1 to 100, instead of that of the source.
        batch_size: Images of one size that run together; by default 8 on a GPU, and 1 on a CPU, where more are no
            faster.
        options: How images are brought to the model, and how strong the change is.
        boxes: Where faces lie in the images, instead of what the options say.
        progress: Show a progress bar on standard error.
        on_result: Called with each result as soon as it is known; on Ctrl-C, also with what was finished after it.

    Raises:
        ConfigError: The batch size is less than 1, the quality not from 1 to 100, or an argument of another kind.
        ImageError: No input can be restored (each is missing, holds no images or would be replaced by its own
            results), two files that are named would give one result, or a format or suffix is none. Nothing has been
            written then.
    """
    together = images_together(deblurrer.device, _BATCH_SIZE)
    settings = Settings(
        overwrite=truth("overwrite", overwrite),
        compare=truth("compare", compare),
        quality=check_quality(quality),
        batch_size=together if batch_size is None else whole_number("batch_size", batch_size, 1),
        options=options or DeblurOptions(),
        boxes=boxes or FaceBoxes(),
    )
    progress = truth("progress", progress)
    naming = Naming(suffix, file_format)
    paths, target = _as_paths(inputs), some_path("output", output)
    jobs = plan_jobs(paths, target, naming)
    pipeline = Pipeline(deblurrer, settings)
    report = FileReport()
    with ImageBar(shown=progress) as bar:
        if progress:
            threading.Thread(target=_count, args=(paths, target, naming, bar), daemon=True).start()

        def take(result: FileResult) -> None:
            report.results.append(result)
            bar.finish()
            if on_result is not None:
                on_result(result)

        try:
            for result in pipeline.run(jobs, bar.within):
                take(result)
        except KeyboardInterrupt:
            for result in pipeline.finished():
                take(result)
            raise
    return report


def compare_file(
    deblurrer: Restorer,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    options: DeblurOptions | None = None,
) -> None:
    """Write a picture of a blurred image and its restoration beside each other.

    Args:
        deblurrer: The model.
        source: The image; of several pages the first is shown.
        target: The picture, in the format that its ending names; it is replaced if it exists.
        options: How the image is brought to the model.

    Raises:
        ImageError: The image cannot be read, or the picture cannot be written or would replace the image.
        MemoryLimitError: The image needs more memory than it may take.
    """
    source, target = some_path("source", source), some_path("target", target)
    if is_same_file(source, target):
        raise ImageError(f"{source} would be replaced by its own picture; choose another name")
    with closing(Comparison(open_source(source))) as comparison:
        pages = restored_pages(deblurrer, comparison, options or DeblurOptions())
        sink_for(target).write(pages, target, comparison, None)


def _as_paths(inputs: Sequence[str | os.PathLike[str]]) -> list[Path]:
    if isinstance(inputs, str | bytes | os.PathLike) or not isinstance(inputs, Iterable):
        raise ConfigError(f"inputs is {inputs!r}; give a list of files, folders and patterns")
    paths = [some_path("an input", given) for given in inputs]
    if not paths:
        raise ConfigError("inputs is empty; give at least one file, folder or pattern")
    return paths


def _count(inputs: Sequence[Path], output: Path, naming: Naming, bar: ImageBar) -> None:
    """Find out how many files there are, while the first are restored: then the bar can tell the time left."""
    with suppress(ImageError):  # what has changed since is said where it is restored
        bar.expect(sum(1 for _ in plan_jobs(inputs, output, naming)))
