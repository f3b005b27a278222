"""Blur estimation: what the blur of an image is, and what blurs a folder of images has, from unpaired images alone."""

from udsd.estimation.estimate import BlurEstimate
from udsd.estimation.estimator import BlurEstimator
from udsd.estimation.folders import MOST_IMAGES, SHARP, find_blurs, general_estimator, rough_extent, typical_extent
from udsd.estimation.learning import ROUNDS, Round, learn_blur, train_estimator
from udsd.estimation.luminance import SMALLEST_SIDE, Luminance, luminance, read_luminances
from udsd.estimation.planning import SHORTEST, WHOLE, Cost, Plan, fitting_plan, measure_cost
from udsd.estimation.scales import estimate_at_any_scale

__all__ = [
    "MOST_IMAGES",
    "ROUNDS",
    "SHARP",
    "SHORTEST",
    "SMALLEST_SIDE",
    "WHOLE",
    "BlurEstimate",
    "BlurEstimator",
    "Cost",
    "Luminance",
    "Plan",
    "Round",
    "estimate_at_any_scale",
    "find_blurs",
    "fitting_plan",
    "general_estimator",
    "learn_blur",
    "luminance",
    "measure_cost",
    "read_luminances",
    "rough_extent",
    "train_estimator",
    "typical_extent",
]
