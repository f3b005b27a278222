"""Signs that an unpaired run has gone wrong, which its losses do not show."""

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
    """Figures of one unpaired step, to be averaged over many and then judged by `Alarms`.

    Args:
        images: Those of the step.
        blurred: Its blurred batch.
        code_matters: Blur that differs from image to image can come from the code only. A path's may come from the
            code's noise.

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
    """Warn in the log, once each time a run goes wrong."""

    def __init__(self) -> None:
        self._ringing: set[str] = set()

    def check(self, means: Mapping[str, float], step: int) -> None:
        """Judge means of what `diagnose` gave; anything else in ``means`` is left alone."""
        if CORRELATION not in means:
            return
        self._judge("inverted", step, means[CORRELATION], lowest=0.0, sound=0.2)
        if CODE_SPREAD in means:
            ratio = means[CODE_SPREAD] / max(means[CODE_SIGMA], 1e-12)
            self._judge("collapsed", step, ratio, lowest=1.0, sound=1.2)

    def _judge(self, name: str, step: int, value: float, *, lowest: float, sound: float) -> None:
        """Warn under ``lowest``, and then not again until the value has been ``sound``: it wavers at the border."""
        if value < lowest and name not in self._ringing:
            self._ringing.add(name)
            logger.warning(_MESSAGES[name], step, value)
        elif value >= sound:
            self._ringing.discard(name)


def _correlation(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's, over all values of each image, averaged over the batch."""
    first, second = (image.flatten(1) - image.flatten(1).mean(dim=1, keepdim=True) for image in (first, second))
    return torch.cosine_similarity(first, second, dim=1).mean()
