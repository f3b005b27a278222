"""Evaluation: scores of restored images, and the test sets they are computed on."""

from udsd.evaluation.baselines import unsharp_mask
from udsd.evaluation.blur_sets import PageStrips, SharpImage, whole_images
from udsd.evaluation.evaluate import EvaluationPair, Method, evaluate
from udsd.evaluation.folders import folder_pairs
from udsd.evaluation.metrics import correlation, mean_color_error, psnr, shift_tolerant_psnr, ssim
from udsd.evaluation.ocr import character_error_rate, recognise_text
from udsd.evaluation.perceptual import feature_distance
from udsd.evaluation.report import EvaluationReport, ImageScores, MeanScores, TextScores
from udsd.evaluation.synthetic import blurred_pairs

__all__ = [
    "EvaluationPair",
    "EvaluationReport",
    "ImageScores",
    "MeanScores",
    "Method",
    "PageStrips",
    "SharpImage",
    "TextScores",
    "blurred_pairs",
    "character_error_rate",
    "correlation",
    "evaluate",
    "feature_distance",
    "folder_pairs",
    "mean_color_error",
    "psnr",
    "recognise_text",
    "shift_tolerant_psnr",
    "ssim",
    "unsharp_mask",
    "whole_images",
]
