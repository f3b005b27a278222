"""What the failures of huggingface_hub mean for the user: a line each, and whether the same request may yet succeed."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from udsd.errors import ConfigError, DownloadError, IncompatibleWeightsError, UdsdError, UnknownModelError
from udsd.pretrained import transfer
from udsd.pretrained.transfer import (
    BadAnswerError,
    TooLargeError,
    TooSlowError,
    WrongLengthError,
)

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LONGEST_PAUSE = 60.0
"""Seconds; a Hub that asks for more is reported instead of waited for."""


def hub_endpoint() -> str:
    """The address of the Hub, from HF_ENDPOINT if it is set, without a slash at its end.

    huggingface_hub reads the variable once, when imported; here it counts whenever it is set.

    Raises:
        ConfigError: HF_ENDPOINT is no address.
    """
    from huggingface_hub import constants

    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or constants.ENDPOINT
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"HF_ENDPOINT is {endpoint!r}; give the address of a Hub, such as https://huggingface.co")
    return endpoint


def root_cause(error: BaseException) -> BaseException:
    """The failure behind "not in the cache either", "forced download failed" and "error while uploading"."""
    from huggingface_hub import errors

    cause = error.__cause__
    # By type: BadRequestError is a ValueError too.
    hides = isinstance(error, errors.LocalEntryNotFoundError) or type(error) in (ValueError, RuntimeError)
    return root_cause(cause) if cause is not None and hides else error


def asked_pause(error: BaseException) -> float | None:
    """Seconds that the Hub asks to wait before the request is repeated, 0 if it does not say.

    Returns:
        None where repeating would not help, or where more is asked for than anybody would sit through.
    """
    from huggingface_hub import errors

    lasting = (ValueError, errors.EntryNotFoundError, errors.FileMetadataError, errors.LocalTokenNotFoundError)
    ours = (BadAnswerError, TooSlowError, TooLargeError)
    if isinstance(error, (*lasting, *ours, errors.OfflineModeIsEnabled)) or _is_of_the_disk(error):
        return None
    if not isinstance(error, errors.HfHubHTTPError):
        return 0.0
    pause = _pause_in(error.response.headers)
    status = error.response.status_code
    return pause if (status in (408, 429) or status >= 500) and pause <= _LONGEST_PAUSE else None


def is_of_the_hub(error: BaseException) -> bool:
    """Whether the Hub or the way to it is at fault, so that a copy from before will do."""
    from huggingface_hub import errors

    missing = (errors.EntryNotFoundError, errors.RevisionNotFoundError, errors.LocalTokenNotFoundError)
    return not (isinstance(error, missing) or _is_of_the_disk(error))


def explain(error: BaseException, repo: str, name: str, revision: str | None) -> UdsdError:
    """The error of this library for a file that could not be fetched."""
    from huggingface_hub import errors

    if isinstance(error, (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled)):
        return DownloadError(
            f"{name} of {repo} is not in the cache and downloading is off; "
            "fetch it once (`udsd download`) without local_files_only and HF_HUB_OFFLINE, or check cache_dir"
        )
    # Before its base RepositoryNotFoundError.
    if isinstance(error, errors.GatedRepoError):
        return DownloadError(
            f"{repo} is gated; ask for access at {shown_endpoint()}/{repo}, then run `hf auth login` or give a token"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return UnknownModelError(
            f"{shown_endpoint()} has no model {repo}, or it is private; "
            "check the name (or the path, if a folder is meant), or run `hf auth login` or give a token"
        )
    if isinstance(error, errors.HFValidationError):
        return UnknownModelError(f"{repo!r} is no valid repository name ({first_line(error)}); give org/repo")
    if isinstance(error, errors.RevisionNotFoundError):
        return DownloadError(f"{repo} has no revision {revision!r}; give a branch, tag or commit it has, or none")
    if isinstance(error, errors.EntryNotFoundError):
        return IncompatibleWeightsError(f"{repo} has no {name}, so it is no udsd model; choose another one")
    if isinstance(error, errors.LocalTokenNotFoundError):
        return DownloadError("token=True was given, but no token is stored; run `hf auth login` or give token= as text")
    if isinstance(error, TooLargeError):
        return IncompatibleWeightsError(
            f"{name} of {repo} has more than the {error} bytes that it may have, so it is no udsd model; "
            "choose another one"
        )
    return DownloadError(f"cannot download {name} of {repo}: {describe(error)}")


def describe(error: BaseException) -> str:
    """What failed below the level of repositories, and what to do."""
    from huggingface_hub import errors

    if isinstance(error, errors.FileMetadataError):
        return f"{shown_endpoint()} does not answer as a Hub does; check HF_ENDPOINT and the proxy"
    if isinstance(error, BadAnswerError):
        return f"{shown_endpoint()} does not answer as a Hub does ({error}); check HF_ENDPOINT and the proxy"
    if isinstance(error, TooSlowError):
        return (
            f"{shown_endpoint()} sent less than {transfer.LEAST_SPEED // 1000} KB a second "
            f"for more than {transfer.PATIENCE:g} s; try again later, or check the network and the proxy"
        )
    if isinstance(error, errors.HfHubHTTPError):
        return _describe_refusal(error)
    if isinstance(error, OSError) and error.errno in _FULL_DISK:
        return (
            f"the disk of the cache is full ({error.strerror}); free some space, give another cache_dir or set HF_HOME"
        )
    if isinstance(error, OSError) and _is_of_the_disk(error):
        where = "" if error.filename is None else f": {error.filename}"
        return (
            f"the cache cannot be written ({error.strerror}{where}); "
            "check its permissions, give another cache_dir or set HF_HOME"
        )
    if isinstance(error, WrongLengthError):
        return f"{shown_endpoint()} sent another number of bytes than it announced; try again later, or check the proxy"
    return (
        f"the connection to {shown_endpoint()} failed ({first_line(error)}); "
        "check the network, the proxy and HF_ENDPOINT, or try again later"
    )


def shown_endpoint() -> str:
    """The address of the Hub without a password that may stand in it."""
    return re.sub(r"//[^/@]*@", "//", hub_endpoint())


def first_line(error: object) -> str:
    """The first line of a message that says anything, at most 200 characters."""
    return next((line.strip()[:200] for line in str(error).splitlines() if line.strip()), type(error).__name__)


def status_of(error: HfHubHTTPError) -> str:
    """The HTTP status of a refusal, with what the Hub said to it."""
    status = f"HTTP {error.response.status_code}"
    return f"{status}: {first_line(error.server_message)}" if error.server_message else status


def _describe_refusal(error: HfHubHTTPError) -> str:
    status, hub = error.response.status_code, shown_endpoint()
    if status in (401, 403):
        return f"{hub} refused access ({status_of(error)}); run `hf auth login` or give a token that may read it"
    if status == 429:
        pause = _pause_in(error.response.headers)
        wait = f"wait {pause:g} s" if pause else "wait some minutes"
        return f"{hub} limits the rate ({status_of(error)}); {wait}, or log in with `hf auth login`"
    if status >= 500:
        return f"{hub} is in trouble ({status_of(error)}); try again later"
    return f"{hub} answered with {status_of(error)}; check HF_ENDPOINT and the proxy"


def _pause_in(headers: Mapping[str, str]) -> float:
    """What Retry-After asks for, or the Hub's own RateLimit (``"api";r=0;t=55``), in seconds."""
    found = re.fullmatch(r"\s*(\d+)\s*", headers.get("Retry-After", ""))
    found = found or re.search(r"r=0\s*;\s*t=(\d+)", headers.get("RateLimit", ""))
    return float(found[1]) if found else 0.0


def _is_of_the_disk(error: BaseException) -> bool:
    """Failures of the network reach us wrapped, without a number of the system."""
    return isinstance(error, OSError) and bool(error.errno) and not isinstance(error, (ConnectionError, TimeoutError))
