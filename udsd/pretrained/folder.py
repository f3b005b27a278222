"""Model folders on disk: writing them, and reading them without trusting them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch

from udsd.atomic import whole_files
from udsd.errors import ChecksumError, ConfigError, IncompatibleWeightsError, WeightsError
from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained.card import MINIMAL_CARD
from udsd.pretrained.weights import largest_file, read_tensors, serialise_tensors
from udsd.regular import read_limited, regular_size
from udsd.surroundings import own_settings

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "README.md"
ESTIMATOR_FILE = "blur.safetensors"
"""What estimates the blur of the model's images (`udsd.estimation`); few models have one of their own."""

FORMAT_VERSION = 1
"""Version of the layout of a model folder; a reader refuses any other."""

LARGEST_CONFIG = 1 << 20
"""Bytes; a `config.json` has some 200."""

LARGEST_ESTIMATOR = 1 << 25
"""Bytes; an estimator has some 3 million."""

_METADATA = {"format": "pt", "udsd_format": str(FORMAT_VERSION)}


def save_model(model: DeblurModel, folder: Path, *, card: str | None = None, half: bool = True) -> None:
    """Write a model folder. The same weights give the same bytes, and so the same SHA-256.

    `config.json` holds ``{"format_version": 1, "model": {...}}`` with the fields of `ModelConfig`.

    Args:
        model: The model, on any device.
        folder: Where to write; it is created when missing, and files of the same names are replaced.
        card: Text of `README.md`. Without it a minimal card is written, unless one lies there already.
        half: Store float16, half the size at a relative rounding error of at most 2^-11; else float32.

    Raises:
        IncompatibleWeightsError: A weight is NaN or infinite, or too large for float16.
        WeightsError: The folder cannot be written.
    """
    folder = Path(folder)
    files = {
        WEIGHTS_FILE: serialise_tensors(model.state_dict(), half=half, metadata=_METADATA),
        CONFIG_FILE: _config_bytes(model.config),
    }
    try:
        if card is not None or not (folder / CARD_FILE).exists():
            files[CARD_FILE] = (MINIMAL_CARD if card is None else card).encode()
        _write_files(folder, files)
    except OSError as error:
        raise WeightsError(f"cannot write the model folder {folder} ({error}); choose another folder") from error


def write_config(config: ModelConfig, folder: Path) -> None:
    """Write the `config.json` of a model folder, for a folder without `model.safetensors`.

    Raises:
        WeightsError: The folder cannot be written.
    """
    try:
        _write_files(folder, {CONFIG_FILE: _config_bytes(config)})
    except OSError as error:
        raise WeightsError(f"cannot write the model folder {folder} ({error}); choose another folder") from error


@own_settings()
def load_model_folder(folder: Path, *, sha256: str | None = None) -> DeblurModel:
    """Read a model folder into a float32 model on the CPU, in eval mode, its parameters not requiring gradients.

    Names, shapes and number formats of the tensors are compared with the configuration before any is read.

    Args:
        folder: A folder that holds `config.json` and `model.safetensors`.
        sha256: The hexadecimal SHA-256 that `model.safetensors` must have.

    Raises:
        ChecksumError: The file has another SHA-256.
        IncompatibleWeightsError: A file is missing or broken, or does not fit this library.
    """
    folder = Path(folder)
    config = read_config(folder)
    path = folder / WEIGHTS_FILE
    check_weights_size(path, config)
    if sha256 is not None:
        check_sha256(path, sha256)
    model = _empty_model(config)
    try:
        tensors = read_tensors(path, _shapes(model))
    except OSError as error:
        raise _unreadable(path, error) from error
    # The tensors of the file become the parameters.
    model.load_state_dict(tensors, strict=True, assign=True)
    return model.requires_grad_(False).eval()


def read_config(folder: Path) -> ModelConfig:
    """Read and validate the `config.json` of a model folder.

    Raises:
        IncompatibleWeightsError: The file is missing, is no JSON, or is not the configuration of a udsd model in
            the known format version.
    """
    path = folder / CONFIG_FILE
    try:
        values = json.loads(read_limited(path, LARGEST_CONFIG))
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise IncompatibleWeightsError(
            f"{path} is no valid JSON ({error}); get the model again (from the Hub: force_download)"
        ) from error
    if not isinstance(values, dict) or "format_version" not in values:
        raise IncompatibleWeightsError(f"{path} has no format_version, so this is no udsd model; choose another one")
    version = values["format_version"]
    if type(version) is not int or version != FORMAT_VERSION:
        raise IncompatibleWeightsError(
            f"{path} has format_version {version!r}, but this udsd reads {FORMAT_VERSION}; install a udsd that fits"
        )
    if set(values) != {"format_version", "model"} or not isinstance(values["model"], dict):
        raise IncompatibleWeightsError(f"{path} must hold format_version and an object named model, nothing else")
    try:
        return ModelConfig.from_dict(values["model"])
    except ConfigError as error:
        raise IncompatibleWeightsError(f"{path}: {error}") from error


def largest_weights(config: ModelConfig) -> int:
    """The most bytes that the `model.safetensors` of a configuration can have."""
    return largest_file(_shapes(_empty_model(config)))


def check_weights_size(path: Path, config: ModelConfig) -> None:
    """See that a `model.safetensors` is a file, and no larger than its configuration allows; nothing of it is read.

    Raises:
        IncompatibleWeightsError: It is missing, no file, or larger.
    """
    try:
        size = regular_size(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    most = largest_weights(config)
    if size > most:
        raise IncompatibleWeightsError(
            f"{path} has {size} bytes, but a model of its configuration has {most} at most; "
            "take both files from one model"
        )


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file as 64 lower-case hexadecimal digits.

    Raises:
        IncompatibleWeightsError: The file is missing or cannot be read.
    """
    try:
        regular_size(path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def check_sha256(path: Path, expected: str) -> None:
    """Compare a file with its SHA-256, in hexadecimal digits of either case.

    Raises:
        ChecksumError: It has another one.
        IncompatibleWeightsError: The file is missing or cannot be read.
    """
    got = file_sha256(path)
    if got != expected.lower():
        raise ChecksumError(f"{path} has SHA-256 {got}, expected {expected}: damaged or another file; get it again")


def _empty_model(config: ModelConfig) -> DeblurModel:
    """The networks on the meta device, where nothing is allocated or initialised."""
    with torch.device("meta"):
        return DeblurModel(config)


def _shapes(model: DeblurModel) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in model.state_dict().items()}


def _config_bytes(config: ModelConfig) -> bytes:
    return (json.dumps({"format_version": FORMAT_VERSION, "model": config.to_dict()}, indent=2) + "\n").encode()


def _unreadable(path: Path, error: OSError) -> IncompatibleWeightsError:
    if not path.exists():
        wanted = f"a model folder holds {CONFIG_FILE} and {WEIGHTS_FILE}"
        return IncompatibleWeightsError(f"{path.name} is missing in {path.parent}; {wanted}")
    return IncompatibleWeightsError(f"cannot read {path} ({error.strerror or error}); check that it is a readable file")


def _write_files(folder: Path, files: dict[str, bytes]) -> None:
    with whole_files(folder) as unfinished:
        for name, content in files.items():
            (unfinished / name).write_bytes(content)
