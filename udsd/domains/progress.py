"""The progress of all that a picture needs, from that of each call of the model."""

from __future__ import annotations

from torch import Tensor

from udsd.domains.domain import Restore
from udsd.inference.backend import OnProgress


def followed(restore: Restore, pixel_count: int, tell: OnProgress) -> Restore:
    """A model that tells the share of all work that is done.

    Args:
        restore: The model.
        pixel_count: About how many pixels it will restore, in one call or in several.
        tell: Takes the share. It never falls, even where a back-end begins anew because memory ran out.
    """
    done, told = 0, 0.0

    def restore_followed(images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        nonlocal done
        here = images.shape[0] * images.shape[2] * images.shape[3]

        def tell_all(share: float) -> None:
            nonlocal told
            told = max(told, min((done + share * here) / pixel_count, 1.0))
            tell(told)
            if on_progress is not None:
                on_progress(share)

        restored = restore(images, overwrite=overwrite, on_progress=tell_all)
        done += here
        return restored

    return restore_followed
