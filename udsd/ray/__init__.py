"""Many files on a cluster, with Ray Data: from any storage and to any, a model in each worker.

It takes the extra ``ray``. Who has a scheduler and no Ray takes ``udsd deblur --shard`` instead.
"""

from udsd.ray.restoring import count_rows, restore_files
from udsd.ray.workers import BytesRestorer

__all__ = ["BytesRestorer", "count_rows", "restore_files"]
