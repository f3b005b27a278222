"""Fetching model folders from the Hub into the cache of huggingface_hub, without trusting who answers.

`huggingface_hub` is imported inside the functions: it is slow to import, and a bundled model does not need it.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from udsd.arguments import some_path, truth
from udsd.errors import ChecksumError, ConfigError, UdsdError
from udsd.pretrained.folder import (
    CONFIG_FILE,
    ESTIMATOR_FILE,
    LARGEST_CONFIG,
    LARGEST_ESTIMATOR,
    WEIGHTS_FILE,
    check_sha256,
    check_weights_size,
    largest_weights,
    read_config,
)
from udsd.pretrained.hub_errors import asked_pause, explain, hub_endpoint, is_of_the_hub
from udsd.pretrained.store import remember_missing, stored_file
from udsd.pretrained.transfer import BadAnswerError, announced, receive

_PAUSES = (1.0, 4.0)
"""Seconds before the second and the third attempt, unless the Hub asks for more."""

_REVISION = re.compile(r"(?!.*(\.\.|//))[^\s/\\:][^\s\\:]*(?<!/)")

logger = logging.getLogger(__name__)


class HubKeywords(TypedDict, total=False):
    """The fields of `HubOptions` as keyword arguments.

    Attributes:
        revision: Branch, tag or commit.
        cache_dir: Cache folder instead of that of huggingface_hub.
        token: Access token; True for the stored one, False for none.
        local_files_only: Never ask the Hub.
        force_download: Fetch again what is bundled or cached.
    """

    revision: str | None
    cache_dir: str | os.PathLike[str] | None
    token: bool | str | None
    local_files_only: bool
    force_download: bool


@dataclass(frozen=True, slots=True)
class HubOptions:
    """How the Hub is asked; each field behaves as the argument of that name in `huggingface_hub`."""

    revision: str | None = None
    cache_dir: str | os.PathLike[str] | None = None
    token: bool | str | None = None
    local_files_only: bool = False
    force_download: bool = False

    def __post_init__(self) -> None:
        for name in ("local_files_only", "force_download"):
            object.__setattr__(self, name, truth(name, getattr(self, name)))
        if self.cache_dir is not None:
            some_path("cache_dir", self.cache_dir)
        if not isinstance(self.token, str | bool | None):
            raise ConfigError("token is neither text nor a truth value; give an access token, True, False or None")
        if self.local_files_only and self.force_download:
            raise ConfigError("local_files_only and force_download exclude each other; give one of them")
        # It names a file in the cache. No branch or tag of git is of another form.
        if self.revision is not None and not (isinstance(self.revision, str) and _REVISION.fullmatch(self.revision)):
            raise ConfigError(f"revision is {self.revision!r}; give a branch, tag or commit")


def fetch_model_folder(repo: str, options: HubOptions, *, sha256: str | None = None) -> Path:
    """The cached folder of a model repository, after `config.json` and `model.safetensors` were fetched if need be.

    If the repository has an estimator of blur, it is fetched as well. Weights with another SHA-256 than expected are
    fetched once more. The environment variables of huggingface_hub hold: HF_ENDPOINT, HF_HOME, HF_HUB_OFFLINE,
    HF_TOKEN, and those of proxies.

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
    config_file = _fetch(repo, CONFIG_FILE, options.revision, options, LARGEST_CONFIG)
    # Before the weights: the repository may hold many gigabytes of something else.
    config = read_config(config_file.parent)
    # The folder is named after the commit. Asking for that commit keeps both files together when a branch moves.
    commit = config_file.parent.name

    def fetch_weights(options: HubOptions) -> Path:
        return _fetch(repo, WEIGHTS_FILE, commit, options, largest_weights(config))

    weights = fetch_weights(options)
    check_weights_size(weights, config)
    expected = sha256 or _announced_sha256(weights)
    if expected is not None:
        _check_or_fetch_again(weights, expected, repo, options, fetch_weights)
    _fetch_estimator(repo, commit, options)
    return weights.parent


def _fetch_estimator(repo: str, commit: str, options: HubOptions) -> None:
    """Fetch the estimator of blur, if there is one; without it the model restores all the same."""
    from huggingface_hub import errors, try_to_load_from_cache

    cache = _cache(options)
    found = try_to_load_from_cache(repo, ESTIMATOR_FILE, cache_dir=str(cache), revision=commit)
    if found is not None and not options.force_download:
        return  # it is there, or it is known that the repository has none
    try:
        _fetch(repo, ESTIMATOR_FILE, commit, options, LARGEST_ESTIMATOR)
    except UdsdError as failure:
        if isinstance(failure.__cause__, errors.EntryNotFoundError):
            remember_missing(cache, repo, ESTIMATOR_FILE, commit)
        elif not _is_off(options):
            logger.warning("%s; blur is estimated by the general estimator instead", failure)


def _check_or_fetch_again(
    weights: Path, expected: str, repo: str, options: HubOptions, fetch: Callable[[HubOptions], Path]
) -> None:
    try:
        check_sha256(weights, expected)
    except ChecksumError:
        if _is_off(options):
            raise
        logger.warning("%s of %s has another SHA-256 than %s; fetching it once more", WEIGHTS_FILE, repo, expected)
    else:
        return
    weights = fetch(replace(options, force_download=True))
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


def _fetch(repo: str, name: str, revision: str | None, options: HubOptions, most: int) -> Path:
    """One file, asked for three times at most if the Hub or the connection fails in a way that may pass."""
    endpoint, pauses = hub_endpoint(), list(_PAUSES)
    while True:
        try:
            return _ask(endpoint, repo, name, revision or "main", options, most)
        # The transport changed between versions (requests, httpx, httpx2); its errors have no base in common.
        except Exception as error:
            failure, asked = explain(error, repo, name, revision), asked_pause(error)
            if asked is None or not pauses:
                raise failure from error
        pause = max(asked, pauses.pop(0))
        logger.warning("%s (trying again in %g s)", failure, pause)
        time.sleep(pause)


def _ask(endpoint: str, repo: str, name: str, revision: str, options: HubOptions, most: int) -> Path:
    from huggingface_hub import errors, hf_hub_url, try_to_load_from_cache

    cache = _cache(options)
    url = hf_hub_url(repo, name, revision=revision, endpoint=endpoint)
    found = try_to_load_from_cache(repo, name, cache_dir=str(cache), revision=revision)
    cached = Path(found) if isinstance(found, str) and not options.force_download else None
    is_commit = re.fullmatch("[0-9a-f]{40}", revision) is not None
    if cached is not None and (is_commit or _is_off(options)):
        return cached
    if _is_off(options):
        raise errors.OfflineModeIsEnabled("downloading is off")
    try:
        said = announced(url, options.token)
        if is_commit and said.commit != revision:
            raise BadAnswerError(f"asked for commit {revision} it answers with {said.commit}")
        return stored_file(
            cache,
            repo,
            name,
            revision,
            said,
            lambda file: receive(file, said, url=url, token=options.token, most=most, name=name),
            replace=options.force_download,
        )
    except Exception as error:
        if cached is None or not is_of_the_hub(error):
            raise
        logger.warning("%s; using the copy in the cache", explain(error, repo, name, revision))
        return cached


def _cache(options: HubOptions) -> Path:
    from huggingface_hub import constants

    return Path(options.cache_dir or constants.HF_HUB_CACHE)


def _is_off(options: HubOptions) -> bool:
    """Whether nothing may be asked for, by the options or by HF_HUB_OFFLINE."""
    from huggingface_hub import constants

    return bool(options.local_files_only or constants.HF_HUB_OFFLINE)
