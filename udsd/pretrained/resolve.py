"""From a name to a model: a folder, a known name, or a repository on the Hub."""

from __future__ import annotations

import logging
import os
import re
import stat
from dataclasses import replace
from pathlib import Path

from udsd.errors import ChecksumError, UnknownModelError
from udsd.models import DeblurModel
from udsd.pretrained.folder import CONFIG_FILE, WEIGHTS_FILE, file_sha256, load_model_folder
from udsd.pretrained.hub import HubOptions, fetch_model_folder
from udsd.pretrained.manifest import REPO_PATTERN, ModelEntry, load_manifest

BUNDLED_MODELS = Path(__file__).resolve().parent
"""Where the package keeps the models it ships, a folder per alias."""

_log = logging.getLogger(__name__)


def load_model(
    name: str | os.PathLike[str],
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: bool | str | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
) -> DeblurModel:
    """Load a model in float32 on the CPU, in eval mode.

    A name is taken as, in this order: a model folder; an alias of the manifest, from the copy bundled with the
    package or else from the Hub, its SHA-256 checked either way; a repository ``org/repo`` on the Hub. A folder
    named like an alias counts only if it holds a `config.json`. A file whose SHA-256 is wrong is fetched once more.

    Args:
        name: Folder, alias, or ``org/repo``. A path object is always a folder.
        revision: Branch, tag or commit on the Hub. For an alias the manifest pins one; for another no SHA-256 is
            known.
        cache_dir: Cache folder instead of that of huggingface_hub.
        token: Access token; True for the stored one, False for none.
        local_files_only: Never ask the Hub.
        force_download: Fetch again what is bundled or cached.

    The options speak of the Hub; a local folder does not need them.

    Raises:
        UnknownModelError: The name is none of the three.
        DownloadError: The Hub could not be reached or refused, or the cache cannot be written.
        ChecksumError: The file on the Hub is not the one that the manifest names.
        IncompatibleWeightsError: The files are broken or do not fit this library.
        ConfigError: ``local_files_only`` and ``force_download`` together, or a broken manifest.
        WeightsError: The manifest is missing or no JSON.
    """
    options = HubOptions(revision, cache_dir, token, local_files_only, force_download)
    folder = _existing_folder(name)
    if folder is not None and stat.S_ISREG(_mode(folder / CONFIG_FILE)):
        return load_model_folder(folder)
    if not isinstance(name, str):
        if folder is None:
            raise UnknownModelError(f"there is no model folder {name}; check the path")
        return load_model_folder(folder)
    manifest = load_manifest()
    if name not in manifest.aliases:
        if folder is not None:
            return load_model_folder(folder)
        if re.fullmatch(REPO_PATTERN, name):
            return load_model_folder(fetch_model_folder(name, options))
    return _load_known(manifest.get(name), options)


def _existing_folder(name: str | os.PathLike[str]) -> Path | None:
    # An empty name is no name for the current folder, as it is to pathlib.
    path = Path(name)
    mode = _mode(path) if name else 0
    if stat.S_ISREG(mode):
        raise UnknownModelError(f"{path} is a file; give the model folder around {CONFIG_FILE} and {WEIGHTS_FILE}")
    return path if stat.S_ISDIR(mode) else None


def _mode(path: Path) -> int:
    """Type and permissions, 0 for what is not there; any text may be asked for."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _load_known(entry: ModelEntry, options: HubOptions) -> DeblurModel:
    if options.revision not in (None, entry.revision):
        return load_model_folder(fetch_model_folder(entry.repo, options))
    bundled = BUNDLED_MODELS / entry.alias
    if not options.force_download and _is_intact(bundled / WEIGHTS_FILE, entry):
        return load_model_folder(bundled)
    options = replace(options, revision=entry.revision)
    folder = fetch_model_folder(entry.repo, options)
    try:
        return load_model_folder(folder, sha256=entry.sha256)
    except ChecksumError:
        if options.local_files_only or options.force_download:
            raise
    _log.warning("the file fetched for model %r is not the one of the manifest; fetching it once more", entry.alias)
    folder = fetch_model_folder(entry.repo, replace(options, force_download=True))
    return load_model_folder(folder, sha256=entry.sha256)


def _is_intact(weights: Path, entry: ModelEntry) -> bool:
    if not weights.is_file():
        return False
    intact = file_sha256(weights) == entry.sha256
    if not intact:
        _log.warning("%s is not the file that the manifest names; asking the Hub for it", weights)
    return intact
