"""What the cache of the Hub holds that this library can load."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from udsd.errors import IncompatibleWeightsError, WeightsError
from udsd.pretrained.folder import WEIGHTS_FILE, read_config


@dataclass(frozen=True, slots=True)
class CachedModel:
    """One commit of a udsd model in the cache.

    Attributes:
        repo: Its repository, "org/repo".
        revisions: Branches and tags that led to the commit when they were last asked for, sorted.
        commit: The commit, 40 hexadecimal digits.
        bytes: Size of its files.
        path: The model folder.
    """

    repo: str
    revisions: tuple[str, ...]
    commit: str
    bytes: int
    path: Path

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), default=str)


def cached_models(cache_dir: str | os.PathLike[str] | None = None) -> list[CachedModel]:
    """The whole udsd models in the cache, sorted by repository and commit; those of other libraries are passed over.

    Args:
        cache_dir: Cache folder instead of that of huggingface_hub. One that is missing holds nothing.

    Raises:
        WeightsError: The cache cannot be read.
    """
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    try:
        repos = scan_cache_dir(Path(cache_dir or constants.HF_HUB_CACHE)).repos
    except CacheNotFound:
        return []
    except (OSError, ValueError) as error:
        raise WeightsError(f"cannot read the cache ({error}); give another cache_dir or set HF_HOME") from error
    models = [
        CachedModel(
            repo.repo_id,
            tuple(sorted(revision.refs)),
            revision.commit_hash,
            revision.size_on_disk,
            revision.snapshot_path,
        )
        for repo in repos
        for revision in repo.revisions
        if _is_model(revision.snapshot_path)
    ]
    return sorted(models, key=lambda model: (model.repo, model.commit))


def _is_model(folder: Path) -> bool:
    try:
        read_config(folder)
    except IncompatibleWeightsError:
        return False
    return (folder / WEIGHTS_FILE).is_file()
