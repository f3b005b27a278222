"""Failures of an unpaired run that its losses do not show: inverted output, a collapsed blur code."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import torch
from torch import Tensor

from udsd.training.objectives import Translations

logger = logging.getLogger(__name__)

CORRELATION = "correlation"
CODE_SPREAD = "code_spread"
CODE_SIGMA = "code_sigma"

_MESSAGES = {
    "inverted": (
        "step %d: restored images are inverted (their correlation with the blurred ones is %.2f): cycle consistency "
        "alone allows it; set loss.low_frequency, or model.residual_output"
    ),
    "collapsed": (
        "step %d: the blur code has collapsed (over images its mean varies %.2f times as much as one image's draws): "
        "all blur comes out the same; lower loss.kl, or set loss.latent"
    ),
}


def diagnose(images: Translations, blurred: Tensor, *, code_matters: bool = True) -> dict[str, Tensor]:
    """Statistics of one unpaired step; `Alarms` checks their means over many.

    Args:
        images: Those of the step.
        blurred: Its blurred batch.
        code_matters: Whether blur can differ from image to image by the code's mean only. A camera path may vary with
            the noise of the code instead, so that a constant mean is no failure.

    Returns:
        ``correlation`` of s_b with b; ``code_spread``, the standard deviation of the code's mean over the images of
        the batch; ``code_sigma``, the mean standard deviation of one image's code. Scalars, without gradients.
    """
    with torch.no_grad():
        correlation = {CORRELATION: _correlation(images.restored.float(), blurred.float())}
        if not code_matters:
            return correlation
        return correlation | {
            CODE_SPREAD: images.code_mean.float().std(dim=0, correction=0).mean(),
            CODE_SIGMA: torch.exp(0.5 * images.code_log_variance.float()).mean(),
        }


class Alarms:
    """Warn in the log, once each time a failure begins."""

    def __init__(self) -> None:
        self._active: set[str] = set()

    def check(self, means: Mapping[str, float], step: int) -> None:
        """Check means of what `diagnose` returned; other entries of ``means`` are ignored."""
        if CORRELATION not in means:
            return
        self._warn_below("inverted", step, means[CORRELATION], threshold=0.0, recovered=0.2)
        if CODE_SPREAD in means:
            ratio = means[CODE_SPREAD] / max(means[CODE_SIGMA], 1e-12)
            self._warn_below("collapsed", step, ratio, threshold=1.0, recovered=1.2)

    def _warn_below(self, name: str, step: int, value: float, *, threshold: float, recovered: float) -> None:
        """Warn once below ``threshold``, and again only after the value has reached ``recovered``: it fluctuates."""
        if value < threshold and name not in self._active:
            self._active.add(name)
            logger.warning(_MESSAGES[name], step, value)
        elif value >= recovered:
            self._active.discard(name)


def _correlation(first: Tensor, second: Tensor) -> Tensor:
    """Pearson correlation over all values of each image (B, 3, H, W), averaged over the batch."""
    first, second = (image.flatten(1) - image.flatten(1).mean(dim=1, keepdim=True) for image in (first, second))
    return torch.cosine_similarity(first, second, dim=1).mean()
