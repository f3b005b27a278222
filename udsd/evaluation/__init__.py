"""Evaluation: scores of restored images, and the test sets they are computed on."""

import warnings
from typing import Any

from udsd.evaluation.baselines import unsharp_mask
from udsd.evaluation.evaluate import Method, evaluate
from udsd.evaluation.flicker import FlickerScore, flicker_score
from udsd.evaluation.metrics import correlation, mean_color_error, psnr, shift_tolerant_psnr, ssim
from udsd.evaluation.ocr import character_error_rate, recognise_text
from udsd.evaluation.pairs import EvaluationPair, folder_pairs
from udsd.evaluation.perceptual import feature_distance
from udsd.evaluation.report import EvaluationReport, ImageScores, MeanScores, TextScores
from udsd.evaluation.sharp_images import SharpImage, whole_images
from udsd.evaluation.synthetic import blurred_pairs
from udsd.evaluation.text_strips import TextStrips

__all__ = [
    "EvaluationPair",
    "EvaluationReport",
    "FlickerScore",
    "ImageScores",
    "MeanScores",
    "Method",
    "SharpImage",
    "TextScores",
    "TextStrips",
    "blurred_pairs",
    "character_error_rate",
    "correlation",
    "evaluate",
    "feature_distance",
    "flicker_score",
    "folder_pairs",
    "mean_color_error",
    "psnr",
    "recognise_text",
    "shift_tolerant_psnr",
    "ssim",
    "unsharp_mask",
    "whole_images",
]


def __getattr__(name: str) -> Any:
    """The earlier name of `TextStrips`, until the next minor version."""
    if name == "PageStrips":
        warnings.warn("udsd.evaluation.PageStrips is called TextStrips now", DeprecationWarning, stacklevel=2)
        return TextStrips
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
