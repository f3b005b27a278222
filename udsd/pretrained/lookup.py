"""From a name to a model folder: one on this machine, one of the zoo, or a repository on the Hub."""

from __future__ import annotations

import functools
import logging
import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from udsd.errors import UnknownModelError
from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained.folder import CONFIG_FILE, WEIGHTS_FILE, file_sha256, load_model_folder, read_config
from udsd.pretrained.hub import HubKeywords, HubOptions, fetch_model_folder
from udsd.pretrained.manifest import REPO_PATTERN, ModelEntry, load_manifest

BUNDLED_MODELS = Path(__file__).resolve().parent
"""Where the package keeps the models it ships, a folder per alias."""

_COMMIT_DIGITS = 12

logger = logging.getLogger(__name__)

_LICENCE_OF_UDSD = "Apache-2.0"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model folder that was found: on this machine, bundled, or in the cache of the Hub.

    Attributes:
        path: Where it lies. It holds `config.json`, and beside it `model.safetensors` or a graph for another runtime.
        title: Name and version, for reports: ``"text v0.1.0"``; of a folder on this machine its path.
        licence: Licence of the weights, as the manifest has it; empty for what is not in it at that revision.
    """

    path: Path
    title: str
    licence: str = ""

    def read_config(self) -> ModelConfig:
        """The architecture, from `config.json`; errors as of `load_model`."""
        return read_config(self.path)

    def load_model(self) -> DeblurModel:
        """The networks in float32 on the CPU, in eval mode, from `model.safetensors`; errors as of `load_model`."""
        return load_model_folder(self.path)


def resolve(name: str | os.PathLike[str], **options: Unpack[HubKeywords]) -> ModelFolder:
    """Find the model folder of a name: the one place where names get their meaning.

    A name is taken as, in this order: a model folder; an alias of the manifest, from the copy bundled with the
    package or else from the Hub, its SHA-256 checked either way; a repository ``org/repo`` on the Hub. A folder
    named like an alias counts only if it holds a `config.json`. A file whose SHA-256 is wrong is fetched once more.

    Args:
        name: Folder, alias, or ``org/repo``. A path object is always a folder.
        options: How the Hub is asked (`HubKeywords`); a local folder needs none of them. For an alias the manifest pins
            a revision; for another no SHA-256 is known.

    Raises:
        UnknownModelError: The name is none of the three.
        DownloadError: The Hub could not be reached or refused, or the cache cannot be written.
        ChecksumError: The file on the Hub is not the one that the manifest names or the Hub announced.
        IncompatibleWeightsError: The files are broken or do not fit this library.
        ConfigError: ``local_files_only`` and ``force_download`` together, a broken manifest, or an HF_ENDPOINT that
            is no address.
        WeightsError: The manifest is missing or no JSON.
    """
    return _model_folder(name, HubOptions(**options))


def load_model(name: str | os.PathLike[str], **options: Unpack[HubKeywords]) -> DeblurModel:
    """Load the model of a name in float32 on the CPU, in eval mode; arguments and errors as of `resolve`."""
    return resolve(name, **options).load_model()


def download_model(name: str | os.PathLike[str], **options: Unpack[HubKeywords]) -> Path:
    """Fetch the model that `load_model` would load, so that it loads without a connection afterwards.

    Arguments and errors are those of `resolve`.

    Returns:
        The model folder, in the cache, or where a bundled or local model lies already. It was loaded once to see
        that it is whole.
    """
    folder = resolve(name, **options)
    folder.load_model()
    return folder.path


def _model_folder(name: str | os.PathLike[str], options: HubOptions) -> ModelFolder:
    if not isinstance(name, str | os.PathLike) or not isinstance(os.fspath(name), str):
        raise UnknownModelError(
            f"{name!r} is no name of a model; give one of the zoo, a folder, or org/repo on the Hub"
        )
    folder = _existing_folder(name)
    if folder is not None and _is_file(folder / CONFIG_FILE):
        return ModelFolder(folder, str(folder))
    if not isinstance(name, str):
        if folder is None:
            raise UnknownModelError(f"there is no model folder {name}; check the path")
        return ModelFolder(folder, str(folder))
    manifest = load_manifest()
    if name not in manifest.aliases:
        if folder is not None:
            return ModelFolder(folder, str(folder))
        if re.fullmatch(REPO_PATTERN, name):
            return _from_hub(name, name, options)
    return _known_model_folder(manifest.get(name), options)


def _from_hub(name: str, repo: str, options: HubOptions, sha256: str | None = None) -> ModelFolder:
    path = fetch_model_folder(repo, options, sha256=sha256)
    # The cache names its folders by the commit.
    return ModelFolder(path, f"{name} {options.revision or path.name[:_COMMIT_DIGITS]}")


def _existing_folder(name: str | os.PathLike[str]) -> Path | None:
    # An empty name is no name for the current folder, as it is to pathlib.
    path = Path(name)
    mode = _mode(path) if name else 0
    if stat.S_ISREG(mode):
        raise UnknownModelError(f"{path} is a file; give the model folder around {CONFIG_FILE} and {WEIGHTS_FILE}")
    return path if stat.S_ISDIR(mode) else None


def _is_file(path: Path) -> bool:
    """Whether a path leads to a regular file; any text may be asked for."""
    return stat.S_ISREG(_mode(path))


def _mode(path: Path) -> int:
    """Type and permissions, 0 for what is not there; any text may be asked for."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _known_model_folder(entry: ModelEntry, options: HubOptions) -> ModelFolder:
    if options.revision not in (None, entry.revision):
        return _from_hub(entry.alias, entry.repo, options)
    bundled = BUNDLED_MODELS / entry.alias
    if not options.force_download and _is_intact(bundled / WEIGHTS_FILE, entry):
        folder = ModelFolder(bundled, f"{entry.alias} {entry.revision}")
    else:
        folder = _from_hub(entry.alias, entry.repo, replace(options, revision=entry.revision), entry.sha256)
    if entry.licence != _LICENCE_OF_UDSD:
        _tell_licence(entry.alias, entry.licence, folder.path)
    return replace(folder, licence=entry.licence)


@functools.cache  # once in a process
def _tell_licence(alias: str, licence: str, folder: Path) -> None:
    logger.warning("the model %s has a licence of its own, %s: see %s", alias, licence, folder / "LICENSE")


def _is_intact(weights: Path, entry: ModelEntry) -> bool:
    if not _is_file(weights):
        return False
    intact = weights.stat().st_size == entry.bytes and file_sha256(weights) == entry.sha256
    if not intact:
        logger.warning("%s is not the file that the manifest names; asking the Hub for it", weights)
    return intact
