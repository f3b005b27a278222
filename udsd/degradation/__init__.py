"""Synthetic degradation: camera paths, defocus, noise, JPEG, paper stock, flat crops; and PDF documents as pages.

Training and evaluation share it. Blur is applied on the device of the images; all random draws are NumPy's, on the CPU.
"""

from udsd.degradation.blur import Blur, BlurConfig, BlurSampler
from udsd.degradation.blur_set import PATH_POINTS, BlurSet, joined_blurs, load_blurs, resampled
from udsd.degradation.camera_paths import rasterize, sample_camera_paths, straight_camera_paths
from udsd.degradation.documents import DocumentConfig, is_held_out, render_documents
from udsd.degradation.flat_crops import some_without_print, with_grain
from udsd.degradation.kernels import apply_in_linear_light, apply_kernels
from udsd.degradation.paper_stock import on_other_balanced_paper, on_other_paper

__all__ = [
    "PATH_POINTS",
    "Blur",
    "BlurConfig",
    "BlurSampler",
    "BlurSet",
    "DocumentConfig",
    "apply_in_linear_light",
    "apply_kernels",
    "is_held_out",
    "joined_blurs",
    "load_blurs",
    "on_other_balanced_paper",
    "on_other_paper",
    "rasterize",
    "render_documents",
    "resampled",
    "sample_camera_paths",
    "some_without_print",
    "straight_camera_paths",
    "with_grain",
]
