"""One file from the Hub: what a server may say of it, how much of it may come, and how long that may take.

huggingface_hub sends the requests (it knows of proxies, certificates and tokens), but its `hf_hub_download` is not
used: it takes whatever a server gives as ETag for the name of a file, follows it out of the cache, and has no bound on
time.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urljoin, urlsplit

LEAST_SPEED = 32_000
"""Bytes a second, on average over a file, of what is waited for."""

PATIENCE = 60.0
"""Seconds that a file may take besides, and that an answer without a body may take."""

_COMMIT = r"[0-9a-f]{40}"
_ETAG = r"[0-9A-Za-z][0-9A-Za-z_-]{7,127}"
"""A hash, in any spelling; no dot or slash, and longer than the names that Windows keeps for devices."""

_REDIRECTS = 5
_RESUMPTIONS = 5
_PIECE = 1 << 16

_Result = TypeVar("_Result")


class BadAnswerError(Exception):
    """An answer that no Hub gives; the message says what came."""


class TooSlowError(Exception):
    """What was asked for took longer than anybody waits."""


class TooLargeError(Exception):
    """A file is larger than it may be; the message is the number of bytes allowed."""


class WrongLengthError(Exception):
    """More or fewer bytes came than were announced."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a server says of a file, checked.

    Attributes:
        commit: 40 hexadecimal digits.
        etag: Letters, digits, - and _ alone: it may name a file.
        address: Where the file is to be had, http or https; not less safe than the Hub itself.
        size: Bytes, or None where the server does not say.
    """

    commit: str
    etag: str
    address: str
    size: int | None


def announced(url: str, token: bool | str | None) -> Announced:
    """Ask what a server says of a file, and refuse what may not be true.

    Raises:
        BadAnswerError: The commit, the ETag, the address or the size are none.
        TooSlowError: The answer took longer than `PATIENCE`.
        Exception: Whatever huggingface_hub raises.
    """
    from huggingface_hub import constants, errors, get_hf_file_metadata

    timeout = constants.HF_HUB_ETAG_TIMEOUT
    said = _within(PATIENCE, lambda: get_hf_file_metadata(url, token=token, timeout=timeout))
    if said.commit_hash is None or said.etag is None:
        raise errors.FileMetadataError("no commit or no ETag")
    for header, value, pattern in (("X-Repo-Commit", said.commit_hash, _COMMIT), ("ETag", said.etag, _ETAG)):
        if not re.fullmatch(pattern, value):
            raise BadAnswerError(f"its {header} is {value[:80]!r}")
    if said.size is not None and said.size < 0:
        raise BadAnswerError(f"its length is {said.size}")
    return Announced(said.commit_hash, said.etag, _checked_address(url, said.location), said.size)


def receive(file: BinaryIO, of: Announced, *, url: str, token: bool | str | None, most: int, name: str) -> None:
    """Write the content of a file, and go on where the connection breaks, five times at most.

    Args:
        file: A new file.
        of: What was announced.
        url: The address at the Hub; no host but its own and the public Hub's gets the token.
        token: As in huggingface_hub.
        most: The largest number of bytes that is taken.
        name: Stands beside the progress bar.

    Raises:
        TooLargeError: The file is larger.
        WrongLengthError: Another number of bytes came than was announced.
        BadAnswerError: An answer is none to what was asked.
        TooSlowError: It took longer than `PATIENCE` and a second for each `LEAST_SPEED` bytes.
        Exception: Whatever the transport of huggingface_hub raises.
    """
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    if of.size is not None and of.size > most:
        raise TooLargeError(most)
    size = most if of.size is None else of.size
    hidden = True if sys.stderr is None else None  # None: if it is no terminal
    with tqdm(total=of.size, unit="B", unit_scale=True, desc=name, disable=hidden) as bar:  # type: ignore[no-untyped-call]
        body = _Body(file, of, most, bar.update)
        _within(PATIENCE + size / LEAST_SPEED, lambda: body.receive(url, token))


class _BrokenError(Exception):
    """The transport failed on the way; its error is the cause."""


class _Body:
    """The content of a file on its way into one on this machine."""

    def __init__(self, file: BinaryIO, of: Announced, most: int, tell: Callable[[int], object]) -> None:
        self.file, self.of, self.most, self.tell = file, of, most, tell
        self.received = 0
        self.expected = of.size

    def receive(self, url: str, token: bool | str | None) -> None:
        for left in reversed(range(_RESUMPTIONS + 1)):
            before = self.received
            try:
                self._receive(url, token)
                break
            except _BrokenError as error:
                if not left or self.received == before:
                    raise error.__cause__ or error from None
        if self.expected is not None and self.received != self.expected:
            raise WrongLengthError

    def _receive(self, url: str, token: bool | str | None) -> None:
        headers = {"Range": f"bytes={self.received}-"} if self.received else {}
        with _answer(self.of.address, url, token, headers) as (response, pieces):
            self._check(response)
            for piece in _unbroken(pieces):
                self.received += len(piece)
                if self.expected is not None and self.received > self.expected:
                    raise WrongLengthError
                if self.received > self.most:
                    raise TooLargeError(self.most)
                self.file.write(piece)
                self.tell(len(piece))

    def _check(self, response: Any) -> None:
        from huggingface_hub.errors import HfHubHTTPError

        status, headers = response.status_code, response.headers
        if status not in (200, 206):
            raise HfHubHTTPError(f"HTTP {status}", response=response)
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise BadAnswerError(f"it sends a file as {headers['Content-Encoding'][:80]!r}")
        if status == 206:
            return self._check_range(headers.get("Content-Range", ""))
        if self.received:  # it does not know of ranges, and sends all
            self.file.seek(0)
            self.file.truncate()
            self.tell(-self.received)
            self.received = 0
        length = headers.get("Content-Length")
        if length is not None and self.expected is None and re.fullmatch(r"\d{1,18}", length):
            self.expected = int(length)
        if length is not None and length != str(self.expected):
            raise WrongLengthError
        if self.expected is not None and self.expected > self.most:
            raise TooLargeError(self.most)
        return None

    def _check_range(self, said: str) -> None:
        found = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", said)
        if not self.received or not found or int(found[1]) != self.received:
            raise BadAnswerError(f"asked for the bytes from {self.received} on it sends {said[:80]!r}")
        if self.expected is not None and found[2] not in ("*", str(self.expected)):
            raise WrongLengthError


def _unbroken(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces; errors of the transport are told from those of the disk."""
    while True:
        try:
            piece = next(pieces)
        except StopIteration:
            return
        except Exception as error:
            raise _BrokenError from error
        yield piece


@contextmanager
def _answer(
    address: str, url: str, token: bool | str | None, headers: dict[str, str]
) -> Iterator[tuple[Any, Iterator[bytes]]]:
    """The answer to GET behind all redirects, and the pieces of its body as they come."""
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    for _ in range(_REDIRECTS + 1):
        own = build_hf_headers(token=token if _may_see_token(address, url) else False)
        with _opened(address, {**own, "Accept-Encoding": "identity", **headers}) as (response, pieces):
            target = response.headers.get("Location") if response.status_code in (301, 302, 303, 307, 308) else None
            if target is None:
                yield response, pieces
                return
        address = _checked_address(address, target)
    raise BadAnswerError(f"it redirects more than {_REDIRECTS} times")


@contextmanager
def _opened(address: str, headers: dict[str, str]) -> Iterator[tuple[Any, Iterator[bytes]]]:
    from huggingface_hub import constants, get_session

    session: Any = get_session()
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    if callable(session.stream):  # httpx; before huggingface_hub 1.0 requests, where it is a setting
        with session.stream("GET", address, headers=headers, follow_redirects=False, timeout=timeout) as response:
            yield response, response.iter_raw()
    else:
        with session.get(address, headers=headers, allow_redirects=False, timeout=timeout, stream=True) as response:
            yield response, response.raw.stream(_PIECE, decode_content=False)


def _checked_address(base: str, target: str) -> str:
    try:
        address = urljoin(base, target)
        parts = urlsplit(address)
        sound = parts.scheme in ("https", urlsplit(base).scheme) and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not target.isprintable():
        raise BadAnswerError(f"it redirects to {target[:80]!r}")
    return address


def _may_see_token(address: str, url: str) -> bool:
    from huggingface_hub import constants

    return _origin(address) in (_origin(url), _origin(constants.ENDPOINT), _origin("https://huggingface.co"))


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _within(seconds: float, work: Callable[[], _Result]) -> _Result:
    """What a call returns or raises, if it ends in time.

    A server can keep a transport busy for ever, also before it hands us the first byte. The call runs in a thread,
    which is left behind if it is late: the file that it writes to is closed, so that the next byte or silence ends it.
    """
    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="udsd-transfer", daemon=True)
    end = time.monotonic() + seconds
    thread.start()
    # In short waits, since Windows does not interrupt a long one.
    while thread.is_alive() and (left := end - time.monotonic()) > 0:
        thread.join(min(left, 0.5))
    if errors:
        raise errors[0]
    if not results:
        raise TooSlowError
    return results[0]
