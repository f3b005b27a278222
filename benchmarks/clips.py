"""Clips to measure with: a page and a portrait before a moving camera, sharp and through blur that changes by frame."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from udsd.degradation import apply_kernels, rasterize, sample_camera_paths

Frame = NDArray[np.uint8]
"""RGB, (H, W, 3)."""

SIZES = {"page": (320, 240), "portrait": (320, 240)}
"""Width and height of frames in pixels."""

RATE = 10
SECONDS = 10

_KERNEL = 31
_LINE = (
    "The quick brown fox jumps over the lazy dog, and 1874 others read 3.1416 pages of it while seven wizards mix "
    "bright potions. "
)


def sharp_frames(kind: str, count: int = RATE * SECONDS) -> Iterator[Frame]:
    """What a camera in a slowly moving hand sees of a page or of a portrait."""
    scene = _page() if kind == "page" else _portrait()
    (height, width), (right, bottom) = scene.shape[:2], SIZES[kind]
    for number in range(count):
        time = number / RATE
        angle = 1.5 * np.sin(0.9 * time)
        zoom = 1 + 0.04 * np.sin(0.6 * time)
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
        pan = np.array([right / 12 * np.sin(0.7 * time), bottom / 14 * np.cos(0.5 * time)])
        turn[:, 2] += np.array([right - width, bottom - height]) / 2 + pan
        yield cv2.warpAffine(scene, turn, (right, bottom), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)


def blurred_frames(frames: Iterator[Frame], length: float, noise: float = 2.0, seed: int = 3) -> Iterator[Frame]:
    """Frames through camera paths that turn from one into the next within a second, and tremble from frame to frame."""
    random = np.random.default_rng(seed)
    paths = sample_camera_paths([length] * (SECONDS + 2), random)
    for number, frame in enumerate(frames):
        second, part = divmod(number / RATE, 1)
        path = (1 - part) * paths[:, int(second)] + part * paths[:, int(second) + 1]
        path = path * random.uniform(0.8, 1.2) * np.exp(1j * random.normal(0, 0.15))
        kernel = torch.from_numpy(rasterize((path - path.mean())[:, None], _KERNEL))
        padded = np.pad(frame, ((_KERNEL // 2,) * 2, (_KERNEL // 2,) * 2, (0, 0)), mode="symmetric")
        pixels = torch.from_numpy(padded).permute(2, 0, 1)[None].float()
        blurred = apply_kernels(pixels, kernel)[0].permute(1, 2, 0).numpy()
        yield np.clip(np.rint(blurred + random.normal(0, noise, blurred.shape)), 0, 255).astype(np.uint8)


def _page() -> Frame:
    sheet = Image.new("RGB", (440, 330), (236, 233, 226))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(22)
    for row, top in enumerate(range(10, sheet.height, 31)):
        start = 17 * row % len(_LINE)
        pen.text((14, top), (2 * _LINE)[start : start + 60], fill=(30, 30, 34), font=font)
    return np.asarray(sheet)


def _portrait() -> Frame:
    return np.asarray(Image.fromarray(data.astronaut()).resize((440, 440), Image.Resampling.LANCZOS))[:320, 20:420]
