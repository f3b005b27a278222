"""The zoo: model folders, the manifest of known models, and the Hub.

A model folder is `config.json`, `model.safetensors` and `README.md`, wherever it lies: written by training, bundled
with the package, stored on the Hub, or the user's own. Nothing in it is ever unpickled.
"""

from udsd.pretrained.cache import CachedModel, cached_models
from udsd.pretrained.folder import load_model_folder, read_config, save_model, write_config
from udsd.pretrained.lookup import ModelFolder, download_model, load_model, resolve
from udsd.pretrained.manifest import Manifest, ModelEntry, load_manifest
from udsd.pretrained.publish import publish_model
from udsd.pretrained.zoo import ZooModel, list_models

__all__ = [
    "CachedModel",
    "Manifest",
    "ModelEntry",
    "ModelFolder",
    "ZooModel",
    "cached_models",
    "download_model",
    "list_models",
    "load_manifest",
    "load_model",
    "load_model_folder",
    "publish_model",
    "read_config",
    "resolve",
    "save_model",
    "write_config",
]
