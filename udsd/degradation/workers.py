"""Worker processes that end with the work: on Ctrl-C as well as when the process that has started them is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from typing import TypeVar

from udsd.errors import MemoryLimitError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def map_in_processes(function: Callable[[_Item], _Result], items: Iterable[_Item], processes: int) -> Iterator[_Result]:
    """What `map` gives, computed in worker processes. If it is left early, what they are doing is left undone.

    Args:
        function: Can be pickled, as its arguments and results can.
        items: Its arguments; taken at once.
        processes: How many workers.

    Raises:
        MemoryLimitError: A worker was killed, most often for its memory.
    """
    with worker_processes(processes) as pool:
        yield from pool.map(function, items)


@contextmanager
def worker_processes(
    processes: int, *, context: BaseContext | None = None, begin: Callable[[], None] | None = None
) -> Iterator[ProcessPoolExecutor]:
    """A pool of worker processes. If the block is left by an exception, what they are doing is left undone.

    Args:
        processes: How many workers.
        context: How they are started; as is usual on this system if None.
        begin: What each of them does first; it can be pickled unless they are forked.

    Raises:
        MemoryLimitError: A worker was killed, most often for its memory.
    """
    end, tell = multiprocessing.Pipe(duplex=False)
    with end, tell, ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(end, begin)) as pool:
        try:
            yield pool
        except BaseException as error:
            # Else the pool would wait until the last has done what it has begun.
            tell.send_bytes(b"end")
            if not isinstance(error, BrokenProcessPool):
                raise
            raise MemoryLimitError(
                f"one of {processes} worker processes was killed, most often for its memory; use fewer"
            ) from error


def _begin(end: Connection, then: Callable[[], None] | None) -> None:
    """What a worker does first. A terminal sends Ctrl-C to all processes, others send SIGTERM; the first decides."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(end,), daemon=True).start()
    if then is not None:
        then()


def _end_with(end: Connection) -> None:
    """End this worker when it is told to, or when the process that has started it is no more.

    The word is never read, so that it reaches all of them.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([end, parent.sentinel])
        os._exit(1)
