"""What runs in the workers: one model in each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from udsd.choosing import ModelChooser
from udsd.deblurrer import Deblurrer
from udsd.errors import ImageError
from udsd.files import FileResult, PathList, Restorer, restore_bytes
from udsd.files import restore_files as restore_local_files
from udsd.files.whole import temporary_folder
from udsd.pretrained import load_manifest
from udsd.ray.storage import Storage, one_line

Model: TypeAlias = str | Callable[[], Restorer] | None
Columns: TypeAlias = dict[str, Any]
Row: TypeAlias = dict[str, Any]

_AHEAD = 3
"""Files that are fetched before their turn, and threads that fetch and put."""


def load(model: Model, device: str) -> Restorer:
    """The model of a worker: by its name, as a function gives it, or for None one for each picture."""
    if callable(model):
        return model()
    one = partial(Deblurrer.from_pretrained, device=device)
    return ModelChooser(load_manifest(), one, device) if model is None else one(model)


def row_of(source: str, target: str, status: str, reason: str = "", seconds: float = 0.0, model: str = "") -> Row:
    """What became of a file, as a row."""
    return {
        "source": source,
        "target": target,
        "status": status,
        "reason": reason,
        "seconds": float(seconds),
        "model": model,
    }


class BytesRestorer:
    """Restores the files in a column of bytes; a class for `ray.data.Dataset.map_batches`.

    To the columns of a batch, of which ``path`` names files in messages, it adds ``status`` and ``reason``, and puts
    the bytes of the restored file in place of ``bytes``, those that ``udsd deblur`` writes. Where there are none (the
    file failed, or is for no model) it puts None.

    Args:
        model: A name of the zoo, a model folder, or a Hub repository; a function that gives what restores; or None for
            a model for each picture, chosen by looking at it.
        device: As of `udsd.Deblurrer`; ``"auto"`` is the GPU that Ray gives the worker, if it was asked for one.
        keywords: As of `udsd.files.restore_bytes`.

    Example:
        >>> files = ray.data.read_binary_files("s3://scans", include_paths=True)  # doctest: +SKIP
        >>> pool = ray.data.ActorPoolStrategy(size=4)  # doctest: +SKIP
        >>> files.map_batches(BytesRestorer, batch_size=8, compute=pool, num_gpus=1)  # doctest: +SKIP
    """

    def __init__(self, model: Model = None, device: str = "auto", **keywords: Any) -> None:
        self._restorer = load(model, device)
        self._keywords = keywords

    def __call__(self, batch: Columns) -> Columns:
        """Restore a batch."""
        contents = batch["bytes"]
        names = batch.get("path", [None] * len(contents))
        restored = [self._restore(content, name) for content, name in zip(contents, names, strict=True)]
        new = {column: [row[index] for row in restored] for index, column in enumerate(("bytes", "status", "reason"))}
        return {**batch, **new}

    def _restore(self, content: bytes, name: Any) -> tuple[bytes | None, str, str]:
        try:
            found = restore_bytes(self._restorer, content, name=None if name is None else str(name), **self._keywords)
        except ImageError as error:
            return None, "failed", str(error)
        return found.content, found.result.status, found.result.reason


@dataclass(frozen=True, slots=True)
class Places:
    """Where files come from and go to.

    Attributes:
        source: Storage of the inputs.
        target: Storage of the results.
        run: Name of this run, by which unfinished files are told.
        overwrite: Whether results that are there are made again.
    """

    source: Storage
    target: Storage
    run: str
    overwrite: bool


class FileWorker:
    """Restores files of a storage to a storage.

    Files of a batch are fetched to this machine before their turn, go through the same pipeline as those of ``udsd
    deblur``, and are put while the next are restored.

    Args:
        model: As of `BytesRestorer`.
        device: As of `BytesRestorer`.
        places: Where files come from and go to.
        keywords: As of `udsd.files.restore_files`.
    """

    def __init__(self, model: Model, device: str, places: Places, keywords: dict[str, Any]) -> None:
        self._restorer = load(model, device)
        self._places = places
        self._keywords = keywords

    def __call__(self, batch: Columns) -> Columns:
        """Restore the files of a batch of sources and targets; what became of each is a row."""
        files = list(zip(map(str, batch["source"]), map(str, batch["target"]), strict=True))
        with temporary_folder() as folder, ThreadPoolExecutor(_AHEAD) as transfers:
            rows = _Batch(files, self._places, folder, transfers).restore(self._restorer, self._keywords)
        return {column: [row[column] for row in rows] for column in row_of("", "", "")}


class _Batch:
    """Files on their way: through a folder of this machine, each in a folder of its own that bears its number."""

    def __init__(
        self, files: list[tuple[str, str]], places: Places, folder: Path, transfers: ThreadPoolExecutor
    ) -> None:
        self._files = files
        self._places = places
        self._inputs, self._outputs = folder / "in", folder / "out"
        self._transfers = transfers
        self._rows: dict[int, Row | Future[Row]] = {}

    def restore(self, restorer: Restorer, keywords: dict[str, Any]) -> list[Row]:
        """Restore all, and give their rows in order."""
        fetched = _Fetched(self._fetched(), self._inputs)
        restore_local_files(restorer, fetched, f"{self._outputs}/", on_result=self._take, **keywords)
        rows = [self._rows[number] for number in range(len(self._files))]
        return [row.result() if isinstance(row, Future) else row for row in rows]

    def _fetched(self) -> Iterator[Path]:
        """Files that are here now; what cannot be fetched has its row."""
        coming: deque[Future[Path | None]] = deque()
        for number in range(len(self._files)):
            coming.append(self._transfers.submit(self._fetch, number))
            if len(coming) > _AHEAD:
                yield from _present(coming.popleft())
        for future in coming:
            yield from _present(future)

    def _fetch(self, number: int) -> Path | None:
        source, target = self._files[number]
        local = self._inputs / str(number) / Path(source).name
        try:
            if not self._places.overwrite and self._places.target.holds(target):
                # It was not there when the run began: an attempt whose worker died has written it.
                self._rows[number] = row_of(source, target, "restored")
                return None
            local.parent.mkdir(parents=True)
            self._places.source.fetch(source, local)
        except OSError as error:
            self._rows[number] = row_of(source, target, "failed", f"{source}: cannot be read ({one_line(error)})")
            return None
        return local

    def _take(self, result: FileResult) -> None:
        number = int(result.source.parent.name)
        if result.status == "restored":
            self._rows[number] = self._transfers.submit(self._put, number, result)
        else:
            self._rows[number] = self._row(number, result.status, result)
            result.source.unlink(missing_ok=True)

    def _put(self, number: int, result: FileResult) -> Row:
        _, target = self._files[number]
        try:
            self._places.target.put(result.target, target, self._places.run)
        except OSError as error:
            return {
                **self._row(number, "failed", result),
                "reason": f"{target}: cannot be written ({one_line(error)})",
            }
        finally:
            result.source.unlink(missing_ok=True)
            result.target.unlink(missing_ok=True)
        return self._row(number, "restored", result)

    def _row(self, number: int, status: str, result: FileResult) -> Row:
        source, target = self._files[number]
        reason = result.reason.replace(str(result.source), source).replace(str(result.target), target)
        return row_of(source, target, status, reason, result.seconds, result.model)


def _present(future: Future[Path | None]) -> Iterator[Path]:
    local = future.result()
    if local is not None:
        yield local


class _Fetched(PathList):
    """Files that have been fetched, of which each result lies below the number of its file."""

    def __init__(self, paths: Iterable[Path], inputs: Path) -> None:
        super().__init__(paths)
        self._inputs = inputs

    def place(self, path: Path) -> Path:
        """Where the result of a file lies below the output folder."""
        return path.relative_to(self._inputs)
