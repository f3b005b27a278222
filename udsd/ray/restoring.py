"""Files of a storage, restored by the workers of a cluster."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from udsd.arguments import truth, whole_number
from udsd.errors import ConfigError, ImageError
from udsd.extras import require
from udsd.files.kinds import known_suffixes
from udsd.files.naming import Naming
from udsd.ray.storage import Storage
from udsd.ray.workers import FileWorker, Model, Places, Row, row_of

_BATCH = 16
"""Files that a worker is given at a time, and begins anew with where it dies."""


def restore_files(
    inputs: str,
    output: str,
    *,
    model: Model = None,
    device: str = "auto",
    workers: int | tuple[int, int] = 1,
    num_cpus: float = 1,
    num_gpus: float = 0,
    files_together: int = _BATCH,
    overwrite: bool = False,
    suffix: str = "",
    file_format: str | None = None,
    filesystem: Any = None,
    output_filesystem: Any = None,
    **keywords: Any,
) -> Any:
    """Restore the files of a storage, on the cluster that Ray is connected to.

    Each worker loads the model once. Results keep their places below ``inputs``; they are written aside and renamed,
    and those that are there are kept, so that a run which was ended goes on where it stopped. A worker that dies is
    replaced, and its files are given to another: each file has one row in the end.

    Args:
        inputs: Address of a folder of images and PDFs, or of one of them: what `pyarrow.fs` knows, such as
            ``s3://bucket/scans``, or a path that all machines share.
        output: Address of the folder for the results. It may lie within the inputs, of which it is none then.
        model: A name of the zoo, a model folder, or a Hub repository; a function that gives what restores; or None for
            a model for each picture, chosen by looking at it.
        device: As of `udsd.Deblurrer`; ``"auto"`` is the GPU that Ray gives the worker, if it was asked for one.
        workers: How many there are, or the least and the most, between which Ray chooses.
        num_cpus: CPUs of each; PyTorch runs as many threads.
        num_gpus: GPUs of each, parts of one included.
        files_together: Files that a worker is given at a time.
        overwrite: Make again what is there.
        suffix: Put behind the names of results.
        file_format: Ending of the results instead of that of each input.
        filesystem: A `pyarrow.fs.FileSystem` for ``inputs``, which is a path in it then.
        output_filesystem: Likewise for ``output``.
        keywords: ``quality``, ``max_growth``, ``pages``, ``password``, ``options``, ``batch_size`` and ``compare``, as
            of `udsd.files.restore_files`.

    Returns:
        A `ray.data.Dataset` that is computed already, with one row for each file, failures included, and the columns
        ``source``, ``target``, ``status`` (as of `udsd.files.FileResult`), ``reason``, ``seconds`` and ``model``.

    Raises:
        ConfigError: Ray is not installed, or an argument is out of range.
        ImageError: The inputs are missing or hold nothing that can be restored, or a storage cannot be listed.

    Example:
        >>> rows = restore_files("s3://archive/scans", "s3://archive/restored", workers=8, num_gpus=1)  # doctest: +SKIP
        >>> count_rows(rows)  # doctest: +SKIP
        {'restored': 99871, 'unsuitable': 120, 'failed': 9}
        >>> rows.write_parquet("s3://archive/report")  # doctest: +SKIP
    """
    data = require("ray.data", "ray", "ray")
    overwrite = truth("overwrite", overwrite)
    together = whole_number("files_together", files_together, 1)
    run = secrets.token_hex(8)
    places = Places(Storage.at(inputs, filesystem), Storage.at(output, output_filesystem), run, overwrite)
    todo, decided = _plan(places, Naming(suffix, file_format))
    if not todo:
        return data.from_items(decided).materialize()
    files = data.from_items(todo, override_num_blocks=-(-len(todo) // together))
    restored = files.map_batches(
        FileWorker,
        fn_constructor_kwargs={
            "model": model,
            "device": device,
            "places": places,
            "keywords": {**keywords, "suffix": suffix, "file_format": file_format},
        },
        batch_size=together,
        compute=data.ActorPoolStrategy(**_pool_size(workers)),
        num_cpus=num_cpus,
        num_gpus=num_gpus or None,
    ).materialize()
    places.target.tidy(run)
    return restored.union(data.from_items(decided)).materialize() if decided else restored


def count_rows(rows: Any) -> dict[str, int]:
    """How many files there are of each status, in what `restore_files` gives."""
    counts: Counter[str] = Counter()
    for batch in rows.select_columns(["status"]).iter_batches(batch_format="numpy"):
        counts.update(map(str, batch["status"]))
    return dict(counts)


def _plan(places: Places, naming: Naming) -> tuple[list[Row], list[Row]]:
    """Sources and targets of what is to be restored; and rows of what is not, for it is there or may not be."""
    there = set() if places.overwrite else places.target.places()
    is_one_storage = places.source.system == places.target.system
    source_root, target_root = PurePosixPath(places.source.root), PurePosixPath(places.target.root)
    holds_results = is_one_storage and source_root in target_root.parents
    sources = [
        (path, place)
        for path, place in places.source.files()
        if _suffix(place) in known_suffixes()
        # What lies in the folder of the results is no input.
        and not (holds_results and PurePosixPath(path).is_relative_to(target_root))
    ]
    if not sources:
        raise ImageError(f"{places.source.root} holds no images; give a folder with PNG, JPEG or other image files")
    inputs = {path for path, _ in sources}
    todo: list[Row] = []
    decided: list[Row] = []
    claimed: dict[str, str] = {}
    for path, place in sources:
        result = naming.apply(Path(place)).as_posix()
        target = places.target.path(result)
        first = claimed.setdefault(result, path)
        if is_one_storage and target in inputs:
            reason = f"{path}: {target} is an image to restore itself; choose another folder, suffix or format"
            decided.append(row_of(path, target, "failed", reason))
        elif first != path:
            decided.append(row_of(path, target, "failed", f"{path}: {target} is the result of {first} already"))
        elif result in there:
            decided.append(row_of(path, target, "kept"))
        else:
            todo.append({"source": path, "target": target})
    return todo, decided


def _suffix(place: str) -> str:
    return PurePosixPath(place).suffix.lower()


def _pool_size(workers: int | Sequence[int]) -> dict[str, int]:
    if not isinstance(workers, tuple | list):
        return {"size": whole_number("workers", workers, 1)}
    if len(workers) != 2:
        raise ConfigError(f"workers is {workers!r}; give a number, or the least and the most")
    least = whole_number("workers", workers[0], 1)
    return {"min_size": least, "max_size": whole_number("workers", workers[1], least)}
