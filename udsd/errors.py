"""Every error that udsd raises on purpose.

    UdsdError
    ├── UnknownModelError (ValueError)      no model of that name, folder or repository
    ├── WeightsError                        a model was found but cannot be used
    │   ├── DownloadError                   the Hub could not be reached or refused
    │   ├── ChecksumError                   the file is not the one the manifest names
    │   └── IncompatibleWeightsError        config or tensors do not fit this library
    ├── PublishError                        a model could not be put on the Hub
    ├── ImageError (ValueError)             an image cannot be read, converted or restored
    ├── DeviceError (RuntimeError)          the asked-for device or dtype is not available
    ├── MemoryLimitError (RuntimeError)     an image does not fit into the memory limit, nor the rest onto the disk
    └── ConfigError (ValueError)            a setting is unknown, ill-typed or out of range

A message says what came, what is allowed and what to do next, in one line. The commands print it on
standard error and exit with status 2.
"""


class UdsdError(Exception):
    """Base of every error raised by udsd."""


class UnknownModelError(UdsdError, ValueError):
    """The name is neither an alias of the zoo, nor a model folder, nor a Hub repository."""


class WeightsError(UdsdError):
    """A model was found, but its files cannot be used."""


class DownloadError(WeightsError):
    """The Hub could not be reached, or refused to hand the files out."""


class ChecksumError(WeightsError):
    """The SHA-256 of a file is not the one that the manifest names."""


class IncompatibleWeightsError(WeightsError):
    """The configuration or the tensors of a model folder do not fit this library."""


class PublishError(UdsdError):
    """The Hub could not be reached, or refused to take a model."""


class ImageError(UdsdError, ValueError):
    """An image is missing, broken, of a kind that is not supported, or cannot be written."""


class DeviceError(UdsdError, RuntimeError):
    """The asked-for device or number format is not available on this machine."""


class MemoryLimitError(UdsdError, RuntimeError):
    """An image needs more memory than it may take, and cannot be helped by a temporary file."""


class ConfigError(UdsdError, ValueError):
    """A setting is unknown, of the wrong type, or out of its range."""
