"""Restore files: the two functions of this room."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from udsd.arguments import some_path, truth, whole_number
from udsd.domains import DeblurOptions, FaceBoxes
from udsd.errors import ConfigError, ImageError
from udsd.files.kinds import open_source, part_name, sink_for
from udsd.files.lists import PathList
from udsd.files.naming import Naming
from udsd.files.options import ReadOptions, WriteOptions, recipe_of
from udsd.files.page_ranges import PageRange, page_range
from udsd.files.pipeline import Pipeline, Settings
from udsd.files.plan import Job, plan_jobs
from udsd.files.report import FileReport, FileResult
from udsd.files.restorer import Restorer, loaded, restored_pages
from udsd.files.shards import Shard
from udsd.files.shards import shard as as_shard
from udsd.files.sources import Comparison
from udsd.inference.batching import images_together
from udsd.paths import is_file, is_folder, is_same_file, names_folder
from udsd.progress import ImageBar

_BATCH_SIZE = 8
"""Images of one size that run together on a GPU, if nothing else is said."""


def restore_files(
    deblurrer: Restorer | Callable[[], Restorer],
    inputs: Sequence[str | os.PathLike[str]] | PathList,
    output: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    compare: bool = False,
    suffix: str = "",
    file_format: str | None = None,
    quality: int | None = None,
    max_growth: float | None = None,
    pages: str | PageRange | None = None,
    password: str | None = None,
    shard: str | Shard | None = None,
    codec: str | None = None,
    steady: bool = True,
    batch_size: int | None = None,
    options: DeblurOptions | None = None,
    boxes: FaceBoxes | None = None,
    other_results: str | os.PathLike[str] | None = None,
    progress: bool = False,
    on_result: Callable[[FileResult], None] | None = None,
) -> FileReport:
    """Restore image files, PDFs and clips, and all that are in folders.

    Results keep the names of their inputs, and their places below the folder that was given. Each appears whole or not
    at all (`udsd.atomic`): a run that is killed leaves no half file, and the next run keeps what is there.

    Work begins with the first file that is found. While the network runs, the next files are read and the last results
    written. All pages of a TIFF, all frames of an animation or a clip and all images of a PDF are restored. What goes
    wrong with one file is said in its result and does not stop the others, be it that memory runs out.

    No input is written over, and results that lie among the inputs are told by a mark in them and not restored again.

    Args:
        deblurrer: The model: a `udsd.Deblurrer`, or anything that restores decoded images; or what loads it, called
            once it is known that there is something to restore.
        inputs: Image files, PDFs, clips, folders, and patterns such as ``scans/**/*.tif``; or a `udsd.files.PathList`
            of files whose results keep their places.
        output: A folder, made when missing; or, for a single file, the name of the result. Text that ends in a slash is
            a folder, whatever its name.
        overwrite: Restore again what is in ``output`` already.
        compare: Write a picture of input and result beside each other, of the first page, instead of the result alone.
        suffix: Added to the names of results, before their ending: ``"_sharp"``.
        file_format: Ending of the results, such as ``"png"``, instead of that of each input.
        quality: Of JPEG, WebP and the like and of clips, 1 to 100, instead of that of the source.
        max_growth: Of the JPEGs in PDFs: at most so many times the bytes that came; their quality gives way.
        pages: Of PDFs, those that are restored, such as ``"3-7,12"``; the others stay as they are.
        password: Of PDFs that are encrypted. The results are encrypted likewise.
        shard: Only one of several shares of the files, such as ``"2/8"``, for one of several machines: the second of
            eight. A file is in the same share on each of them (`udsd.files.Shard`).
        codec: Of clips, one of `udsd.files.options.CODECS`, instead of that of the source.
        steady: Of clips: hold decisions from frame to frame and smooth results along the motion.
        batch_size: Images of one size that run together; by default 8 on a GPU, and 1 on a CPU, where more are no
            faster.
        options: How images are brought to the model, and how strong the change is.
        boxes: Where faces lie in the images, instead of what the options say.
        other_results: Another folder that results go to, such as the crops of faces (`udsd.files.write_face_crops`):
            where it lies among the inputs, what is in it is none, as with ``output``.
        progress: Show a progress bar on standard error.
        on_result: Called with each result as soon as it is known; on Ctrl-C, also with what was finished after it.

    Raises:
        ConfigError: The batch size is less than 1, the quality not from 1 to 100, the pages are no numbers, or an
            argument is of another kind.
        ImageError: No input can be restored (each is missing, holds no images or would be replaced by its own
            results), two files that are named would give one result, there are several inputs for the name of one
            result, or a format or suffix is none. Nothing has been written then, and no model loaded.
    """
    settings = Settings(
        overwrite=truth("overwrite", overwrite),
        compare=truth("compare", compare),
        reading=ReadOptions(page_range(pages), password, steady),
        batch_size=1 if batch_size is None else whole_number("batch_size", batch_size, 1),
        options=options or DeblurOptions(),
        boxes=boxes or FaceBoxes(),
    )
    writing = WriteOptions(quality, max_growth, codec)
    progress = truth("progress", progress)
    naming = Naming(suffix, file_format)
    paths = inputs if isinstance(inputs, PathList) else _as_paths(inputs)
    target = some_path("output", output)
    plan = partial(
        plan_jobs,
        paths,
        target,
        naming,
        into_folder=names_folder(output),
        shard=as_shard(shard),
        other_results=None if other_results is None else some_path("other_results", other_results),
    )
    jobs = plan()
    restorer = loaded(deblurrer)
    settings = replace(settings, writing=replace(writing, recipe=recipe_of(restorer, settings.options, settings.boxes)))
    if batch_size is None:
        settings = replace(settings, batch_size=images_together(restorer.device, _BATCH_SIZE))
    pipeline = Pipeline(restorer, settings)
    report = FileReport()
    with ImageBar(shown=progress) as bar:
        if progress and (not isinstance(paths, PathList) or paths.is_finite):
            threading.Thread(target=_count, args=(plan, bar), daemon=True).start()

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
    deblurrer: Restorer | Callable[[], Restorer],
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    options: DeblurOptions | None = None,
    *,
    overwrite: bool = True,
    password: str | None = None,
) -> FileResult:
    """Write a picture of a blurred image and its restoration beside each other.

    Args:
        deblurrer: The model, or what loads it, called once it is needed.
        source: The image; of several pages the first is shown.
        target: The picture, in the format that its ending names; or a folder, where it is called as the image is.
        options: How the image is brought to the model.
        overwrite: Replace a picture that is there; else it is kept.
        password: Of a PDF that is encrypted.

    Returns:
        Where the picture is, as ``target``; its ``status`` is ``"restored"`` or ``"kept"``.

    Raises:
        ConfigError: An argument is of another kind.
        ImageError: The image cannot be read, or the picture cannot be written or would replace the image.
        MemoryLimitError: The image needs more memory than it may take.
    """
    overwrite = truth("overwrite", overwrite)
    original, picture = some_path("source", source), some_path("target", target)
    if names_folder(target) or is_folder(picture):
        picture = picture / original.name
    sink = sink_for(picture)
    if is_same_file(original, picture):
        raise ImageError(f"{original} would be replaced by its own picture; choose another name")
    if not overwrite and is_file(picture):
        return FileResult(original, picture, "kept")
    opened = open_source(original, ReadOptions(password=password))
    with closing(Comparison(opened, part_name(original))) as comparison:
        pages = restored_pages(loaded(deblurrer), comparison, options or DeblurOptions())
        sink.write(pages, picture, comparison, WriteOptions())
    return FileResult(original, picture, "restored")


def _as_paths(inputs: Sequence[str | os.PathLike[str]]) -> list[Path]:
    if isinstance(inputs, str | bytes | os.PathLike) or not isinstance(inputs, Iterable):
        raise ConfigError(f"inputs is {inputs!r}; give a list of files, folders and patterns")
    paths = [some_path("an input", given) for given in inputs]
    if not paths:
        raise ConfigError("inputs is empty; give at least one file, folder or pattern")
    return paths


def _count(plan: Callable[[], Iterable[Job]], bar: ImageBar) -> None:
    """Find out how many files there are, while the first are restored: then the bar can tell the time left."""
    with suppress(ImageError):  # what has changed since is said where it is restored
        bar.expect(sum(1 for _ in plan()))
