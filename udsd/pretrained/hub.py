"""Fetching model folders from the Hub: one function, and what each failure means for the user.

`huggingface_hub` is imported inside the functions: it is slow to import, and a bundled model does not need it.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from udsd.errors import ConfigError, DownloadError, IncompatibleWeightsError, UdsdError, UnknownModelError
from udsd.pretrained.folder import CONFIG_FILE, WEIGHTS_FILE, read_config

_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class HubOptions:
    """How the Hub is asked; each field behaves as the argument of that name in `huggingface_hub`."""

    revision: str | None = None
    cache_dir: str | os.PathLike[str] | None = None
    token: bool | str | None = None
    local_files_only: bool = False
    force_download: bool = False

    def __post_init__(self) -> None:
        if self.local_files_only and self.force_download:
            raise ConfigError("local_files_only and force_download exclude each other; give one of them")


def fetch_model_folder(repo: str, options: HubOptions) -> Path:
    """The cached folder of a model repository, after `config.json` and `model.safetensors` were fetched if need be.

    The environment variables of huggingface_hub hold: HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE, HF_TOKEN.

    Raises:
        UnknownModelError: There is no such repository, or it is private.
        IncompatibleWeightsError: The repository holds no udsd model.
        DownloadError: The Hub could not be reached or refused, or the cache cannot be written.
    """
    config = _fetch(repo, CONFIG_FILE, options.revision, options)
    # Before the weights: the repository may hold many gigabytes of something else.
    read_config(config.parent)
    # The folder is named after the commit. Asking for that commit keeps both files together when a branch moves.
    return _fetch(repo, WEIGHTS_FILE, config.parent.name, options).parent


def _fetch(repo: str, name: str, revision: str | None, options: HubOptions) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        path = hf_hub_download(
            repo,
            name,
            revision=revision,
            cache_dir=None if options.cache_dir is None else str(options.cache_dir),
            token=options.token,
            local_files_only=options.local_files_only,
            force_download=options.force_download,
            # huggingface_hub reads the variable once, when imported; here it counts whenever it is set.
            endpoint=os.environ.get("HF_ENDPOINT", "").rstrip("/") or None,
        )
    # The transport below changed between versions (requests, httpx, httpx2, Xet) and its errors have no base in common.
    except Exception as error:
        raise _explain(error, repo, name, revision) from error
    return Path(path)


def _explain(error: BaseException, repo: str, name: str, revision: str | None) -> UdsdError:
    """The error of this library that says what a failure of huggingface_hub means."""
    from huggingface_hub import errors

    cause = error.__cause__
    # "Not in the cache either" and "forced download failed" hide the reason. BadRequestError is a ValueError too.
    if cause is not None and (isinstance(error, errors.LocalEntryNotFoundError) or type(error) is ValueError):
        return _explain(cause, repo, name, revision)
    if isinstance(error, (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled)):
        return DownloadError(
            f"{name} of {repo} is not in the cache and downloading is off; "
            "go online once without local_files_only and HF_HUB_OFFLINE, or check cache_dir"
        )
    # Before its base RepositoryNotFoundError.
    if isinstance(error, errors.GatedRepoError):
        return DownloadError(
            f"{repo} is gated; ask for access at {_endpoint()}/{repo}, then run `hf auth login` or give token="
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return UnknownModelError(
            f"{_endpoint()} has no model {repo}, or it is private; check the name (or the path, if a folder is meant), "
            "or run `hf auth login` or give token="
        )
    if isinstance(error, errors.HFValidationError):
        return UnknownModelError(f"{repo!r} is no valid repository name ({_first_line(error)}); give org/repo")
    if isinstance(error, errors.RevisionNotFoundError):
        return DownloadError(f"{repo} has no revision {revision!r}; give a branch, tag or commit it has, or none")
    if isinstance(error, errors.EntryNotFoundError):
        return IncompatibleWeightsError(f"{repo} has no {name}, so it is no udsd model; choose another one")
    if isinstance(error, errors.LocalTokenNotFoundError):
        return DownloadError("token=True was given, but no token is stored; run `hf auth login` or give token= as text")
    return DownloadError(f"cannot download {name} of {repo}: {_describe(error)}")


def _describe(error: BaseException) -> str:
    """What failed below the level of repositories, and what to do."""
    from huggingface_hub import errors

    if isinstance(error, errors.FileMetadataError):
        return f"{_endpoint()} does not answer as a Hub does; check HF_ENDPOINT and the proxy"
    if isinstance(error, errors.HfHubHTTPError):
        return _describe_status(error.response.status_code)
    if isinstance(error, OSError) and error.errno in _FULL_DISK:
        return "the disk of the cache is full; free some space, or give cache_dir= or set HF_HOME"
    if isinstance(error, OSError) and error.filename is not None:
        reason = f"{error.strerror}: {error.filename}"
        return f"the cache cannot be written ({reason}); check its permissions, or give cache_dir= or set HF_HOME"
    if "Consistency check failed" in str(error):
        return "the connection broke off; try again"
    reason = _first_line(error)
    return f"no answer from {_endpoint()} ({reason}); check the connection, the proxy and HF_ENDPOINT"


def _describe_status(status: int) -> str:
    if status in (401, 403):
        return f"{_endpoint()} refused access (HTTP {status}); run `hf auth login` or give a token= that may read it"
    if status == 429:
        return f"{_endpoint()} limits the rate (HTTP 429); wait some minutes, or log in with `hf auth login`"
    if status >= 500:
        return f"{_endpoint()} is in trouble (HTTP {status}); try again later"
    return f"{_endpoint()} answered with HTTP {status}; check HF_ENDPOINT and the proxy"


def _endpoint() -> str:
    from huggingface_hub import constants

    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or constants.ENDPOINT


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
