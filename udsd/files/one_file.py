"""One file of a kind of its own, from Python."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from udsd.arguments import some_path, truth
from udsd.domains import DeblurOptions, FaceBoxes
from udsd.errors import ImageError
from udsd.files.options import WriteOptions, recipe_of
from udsd.files.plan import Job
from udsd.files.report import FileResult
from udsd.files.restorer import NotRestoredError, Restorer, loaded, restored_pages
from udsd.files.sinks import Sink
from udsd.files.sources import Document
from udsd.files.work import Work
from udsd.inference.backend import OnProgress
from udsd.out_of_memory import memory_errors
from udsd.paths import is_file, is_folder, is_same_file, names_folder


def restore_one(
    deblurrer: Restorer | Callable[[], Restorer],
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    open_source: Callable[[Path], Document],
    sink: Sink,
    writing: WriteOptions,
    options: DeblurOptions | None,
    overwrite: bool,
    on_progress: OnProgress,
) -> FileResult:
    """Restore one file; what goes wrong with it is raised.

    Args:
        deblurrer: The model, or what loads it, called once the file is open.
        path: The file.
        output: The result, or a folder, where it is called as the file is.
        open_source: Opens the file.
        sink: Writes the result.
        writing: How; its recipe is put in.
        options: How images are brought to the model.
        overwrite: Whether a file that is there is replaced; else it is kept.
        on_progress: Called now and then with the share of the work that is done.

    Raises:
        ConfigError: An argument is of another kind, or a package is not installed.
        ImageError: The file cannot be read or restored, or the result not be written or would replace the file.
        MemoryLimitError: It needs more memory than it may take.
    """
    source_path, target = some_path("path", path), some_path("output", output)
    if names_folder(output) or is_folder(target):
        target = target / source_path.name
    sink.check(target)
    if is_same_file(source_path, target):
        raise ImageError(f"{source_path} would be replaced by its own result; choose another name")
    if not truth("overwrite", overwrite) and is_file(target):
        return FileResult(source_path, target, "kept")
    chosen = options or DeblurOptions()
    work = Work(Job(source_path, target))

    def restore() -> None:
        with closing(open_source(source_path)) as source:
            restorer = loaded(deblurrer)
            recipe = recipe_of(restorer, chosen, FaceBoxes())
            restored = restored_pages(restorer, source, chosen, work.tell, on_progress)
            try:
                sink.write(restored, target, source, replace(writing, recipe=recipe))
            finally:
                work.note(source.problems)

    start = time.perf_counter()
    try:
        with memory_errors(str(source_path)):
            restore()
    except NotRestoredError as error:
        work.seconds = time.perf_counter() - start
        return work.finish(error.outcome, str(error))
    work.seconds = time.perf_counter() - start
    return work.done()
