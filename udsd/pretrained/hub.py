"""Fetching model folders from the Hub: what huggingface_hub leaves out is a bound on waiting, and a look at the hash.

`huggingface_hub` is imported inside the functions: it is slow to import, and a bundled model does not need it.
"""

from __future__ import annotations

import logging
import os
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

from udsd.errors import ChecksumError, ConfigError
from udsd.pretrained.folder import CONFIG_FILE, WEIGHTS_FILE, check_sha256, read_config
from udsd.pretrained.hub_errors import asked_pause, explain, hub_endpoint, root_cause

_PAUSES = (1.0, 4.0)
"""Seconds before the second and the third attempt, unless the Hub asks for more."""

_log = logging.getLogger(__name__)


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


def fetch_model_folder(repo: str, options: HubOptions, *, sha256: str | None = None) -> Path:
    """The cached folder of a model repository, after `config.json` and `model.safetensors` were fetched if need be.

    Weights with another SHA-256 than expected are fetched once more. The environment variables of huggingface_hub
    hold: HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE, HF_TOKEN, and those of proxies.

    Args:
        repo: ``org/repo``.
        options: How to ask.
        sha256: The hexadecimal SHA-256 that `model.safetensors` must have; without it, that which the Hub announced.

    Raises:
        UnknownModelError: There is no such repository, or it is private.
        IncompatibleWeightsError: The repository holds no udsd model.
        ChecksumError: The weights came damaged twice, or those in the cache are and nothing may be fetched.
        DownloadError: The Hub could not be reached or refused, or the cache cannot be written.
        ConfigError: HF_ENDPOINT is no address.
    """
    config = _fetch(repo, CONFIG_FILE, options.revision, options)
    # Before the weights: the repository may hold many gigabytes of something else.
    read_config(config.parent)
    # The folder is named after the commit. Asking for that commit keeps both files together when a branch moves.
    commit = config.parent.name
    weights = _fetch(repo, WEIGHTS_FILE, commit, options)
    expected = sha256 or _announced_sha256(weights)
    if expected is not None:
        _check_or_fetch_again(weights, expected, repo, replace(options, revision=commit))
    return weights.parent


def _check_or_fetch_again(weights: Path, expected: str, repo: str, options: HubOptions) -> None:
    from huggingface_hub import constants

    try:
        check_sha256(weights, expected)
    except ChecksumError:
        if options.local_files_only or constants.HF_HUB_OFFLINE:
            raise
        _log.warning("%s of %s has another SHA-256 than %s; fetching it once more", WEIGHTS_FILE, repo, expected)
    else:
        return
    weights = _fetch(repo, WEIGHTS_FILE, options.revision, replace(options, force_download=True))
    try:
        check_sha256(weights, expected)
    except ChecksumError as error:
        raise ChecksumError(
            f"{WEIGHTS_FILE} of {repo} came twice with another SHA-256 than {expected}; "
            "check the proxy, give another revision, or tell the owner of the model"
        ) from error


def _announced_sha256(weights: Path) -> str | None:
    """The Hub's SHA-256 of a large file names the file in the cache that the snapshot links to."""
    # One link only: the target may be a link itself, into a store with names of another kind.
    name = weights.readlink().name if weights.is_symlink() else ""
    return name if re.fullmatch("[0-9a-f]{64}", name) else None


def _fetch(repo: str, name: str, revision: str | None, options: HubOptions) -> Path:
    """One file, asked for three times at most if the Hub or the connection fails in a way that may pass."""
    endpoint, pauses = hub_endpoint(), list(_PAUSES)
    while True:
        try:
            return _ask(endpoint, repo, name, revision, options)
        # The transport changed between versions (requests, httpx, httpx2, Xet); its errors have no base in common.
        except Exception as caught:
            error = root_cause(caught)
            failure, asked = explain(error, repo, name, revision), asked_pause(error)
            if asked is None or not pauses:
                raise failure from caught
        pause = max(asked, pauses.pop(0))
        _log.warning("%s (trying again in %g s)", failure, pause)
        time.sleep(pause)


def _ask(endpoint: str, repo: str, name: str, revision: str | None, options: HubOptions) -> Path:
    from huggingface_hub import (
        constants,
        get_hf_file_metadata,
        hf_hub_download,
        hf_hub_url,
        try_to_load_from_cache,
    )

    cache_dir = None if options.cache_dir is None else str(options.cache_dir)
    found = try_to_load_from_cache(repo, name, cache_dir=cache_dir, revision=revision)
    cached = Path(found) if isinstance(found, str) and not options.force_download else None
    if cached is None and not options.local_files_only:
        # hf_hub_download asks six times, up to a minute each, for what is not cached, and waits for any Retry-After.
        url = hf_hub_url(repo, name, revision=revision, endpoint=endpoint)
        get_hf_file_metadata(url, token=options.token, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    try:
        path = hf_hub_download(
            repo,
            name,
            revision=revision,
            cache_dir=cache_dir,
            token=options.token,
            local_files_only=options.local_files_only,
            force_download=options.force_download,
            endpoint=endpoint,
        )
    except Exception as error:
        # huggingface_hub does so itself where no connection comes about, but not where one breaks or a proxy fails.
        if cached is None or asked_pause(root_cause(error)) is None:
            raise
        _log.warning("%s; using the copy in the cache", explain(root_cause(error), repo, name, revision))
        return cached
    return Path(path)
