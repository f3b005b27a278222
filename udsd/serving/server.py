"""The page's server: it takes a port, answers until it is stopped, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from udsd.arguments import whole_number
from udsd.errors import ConfigError
from udsd.extras import require
from udsd.images import set_page_limit, set_pixel_limit
from udsd.serving.desk import Desk
from udsd.serving.gate import Gate
from udsd.serving.limits import Limits
from udsd.serving.models import Models
from udsd.serving.storage import Storage, open_storage

LOOPBACK = "127.0.0.1"
PORT = 7860

_GRACE = 2
"""Seconds that open connections are given at the end."""

_LAST_WORK = 30.0
"""Seconds that a restoration is waited for, which ends at its next strip."""

_MOST_WAITING = 128
"""Connections that the system holds until they are accepted."""


class _Stopped(Exception):  # noqa: N818
    """The program was asked to end (SIGTERM)."""


def serve(
    models: Models,
    limits: Limits | None = None,
    *,
    host: str = LOOPBACK,
    port: int = PORT,
    on_start: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the page until the program is interrupted (Ctrl-C) or terminated.

    Args:
        models: What restores pictures.
        limits: How much work visitors may make.
        host: Address or name of the interface to listen on. Others than this machine reach the page if it is not
            that of the loopback; it has no password and no encryption.
        port: Of that interface; 0 for any that is free.
        on_start: Called with the page's address as soon as it answers.

    Raises:
        ConfigError: The port is none or cannot be had, or ``udsd[demo]`` is not installed.
    """
    limits = limits or Limits()
    port = whole_number("the port", port, 0, 65535)
    with _listening(host, port) as listener, open_storage(limits.keep_seconds) as storage, _gradio_files_in(storage):
        require("gradio", "gradio", "demo")
        from udsd.serving.page.layout import make_app

        set_pixel_limit(limits.pixels)
        set_page_limit(limits.pages)
        desk = Desk(models, limits, storage)
        try:
            _run(Gate(make_app(desk), limits, storage), listener, lambda: on_start(_address(host, listener)))
        finally:
            storage.end()
            # What is being restored writes to the storage still.
            desk.turn.acquire(timeout=_LAST_WORK)


def _run(app: Any, listener: socket.socket, on_start: Callable[[], None]) -> None:
    """Answer requests in a thread, so that signals come here and the end is ours."""
    import uvicorn

    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="udsd-serve")
    try:
        with _terminable():
            thread.start()
            while thread.is_alive() and not server.started:
                thread.join(0.05)
            if not server.started:
                raise RuntimeError("the server of the page has not started; what it has logged says why")
            on_start()
            while thread.is_alive():
                thread.join(1)
    except (KeyboardInterrupt, _Stopped):
        pass
    finally:
        server.should_exit = True
        thread.join()


def _listening(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=_MOST_WAITING)
    except (OSError, UnicodeError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise ConfigError(
            f"cannot listen on port {port} of {host}: {reason}; choose another --port (0 takes any that is free), or "
            "end the program that has it"
        ) from error


def _address(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


@contextmanager
def _gradio_files_in(storage: Storage) -> Iterator[None]:
    """Have Gradio put its files into the storage, and tell nobody that it runs."""
    ours = {"GRADIO_TEMP_DIR": str(storage.root), "GRADIO_ANALYTICS_ENABLED": "False"}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception, where that can be done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped
