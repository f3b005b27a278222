"""Synthetic degradation: camera paths, defocus, noise, JPEG, paper stock; and the pages of PDF documents.

Training and evaluation share it. Blur is applied on the device of the images; all random draws are NumPy's, on the CPU.
"""

from udsd.degradation.blur import Blur, BlurConfig, BlurSampler
from udsd.degradation.camera_paths import rasterize, sample_camera_paths, straight_camera_paths
from udsd.degradation.kernels import apply_kernels
from udsd.degradation.pages import PageConfig, is_held_out, prepare_pages
from udsd.degradation.paper_stock import on_other_paper

__all__ = [
    "Blur",
    "BlurConfig",
    "BlurSampler",
    "PageConfig",
    "apply_kernels",
    "is_held_out",
    "on_other_paper",
    "prepare_pages",
    "rasterize",
    "sample_camera_paths",
    "straight_camera_paths",
]
