"""BlazeFace full range, the face detector of MediaPipe, run by OpenCV."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from udsd.domains.faces.face import Face
from udsd.errors import ConfigError
from udsd.extras import pip_install, require

INPUT_SIDE = 192
"""Side in pixels of the images that the network takes."""

_FILE = "face_detection_full_range.tflite"
_OLDEST_OPENCV = "4.12"

_STRIDE = 4
"""There is one anchor in the middle of each square of so many pixels, row by row."""

_SCORES, _PLACES = "reshaped_classifier_face_4", "reshaped_regressor_face_4"
_LARGEST_LOGIT = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What the network sees in one tile: arrays, for a low threshold gives a thousand, of which one is wanted.

    Attributes:
        points: (N, 8, 2), float64: x and y of the box's middle, its width and height, and the six landmarks of `Face`.
        scores: (N,), float64, from 0 to 1.
    """

    points: NDArray[np.float64]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def centers(self) -> NDArray[np.float64]:
        """Middles of the boxes, (N, 2): x and y in pixels of the tile."""
        return self.points[:, 0]

    @property
    def sizes(self) -> NDArray[np.float64]:
        """Shorter sides of the boxes, (N,), in pixels of the tile."""
        smaller: NDArray[np.float64] = self.points[:, 1].min(axis=1)
        return smaller

    def where(self, wanted: NDArray[np.bool_]) -> Detections:
        """Those that are marked."""
        return Detections(self.points[wanted], self.scores[wanted])

    def face(self, number: int) -> Face:
        """One of them."""
        points = self.points[number]
        middle, size = points[0], points[1]
        left, top = middle - size / 2
        return Face((float(left), float(top), float(size[0]), float(size[1])), points[2:], float(self.scores[number]))

    def faces(self) -> list[Face]:
        """All of them."""
        return [self.face(number) for number in range(len(self))]


class BlazeFace:
    """The network. Threads may share one.

    Raises:
        ConfigError: OpenCV is missing, or too old for the network.
    """

    def __init__(self) -> None:
        self._network = _load_network()
        # OpenCV keeps input and feature maps in the network.
        self._lock = threading.Lock()
        steps = (np.arange(INPUT_SIDE // _STRIDE) + 0.5) * _STRIDE
        self._anchors = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 1, 2)

    def detect(self, tile: Tensor, threshold: float) -> Detections:
        """Find faces whose boxes are 10 to 130 px wide; each of them is found several times.

        Args:
            tile: (1, 3, 192, 192), float32 in [-1, 1], on the CPU.
            threshold: The lowest score of a face, between 0 and 1.

        Returns:
            Faces in pixels of the tile.
        """
        with self._lock:
            self._network.setInput(np.ascontiguousarray(tile.numpy()))
            logits, places = self._network.forward([_SCORES, _PLACES])
        logits = logits.reshape(-1)
        found = np.flatnonzero(logits >= math.log(threshold / (1 - threshold)))
        # Middle, size and six landmarks, two numbers each; all but the size are relative to the anchor.
        points = places.reshape(-1, 8, 2)[found].astype(np.float64)
        points[:, [0, 2, 3, 4, 5, 6, 7]] += self._anchors[found]
        return Detections(points, _sigmoid(logits[found]))


@cache
def face_detector() -> BlazeFace:
    """The detector of this process, loaded when it is first asked for.

    Raises:
        ConfigError: OpenCV is missing, or too old for the network.
    """
    return BlazeFace()


def _load_network() -> Any:
    cv2 = require("cv2", "OpenCV")  # here, since few commands need it
    # OpenCV 5 has a second engine, which shows only one of the two outputs. OpenCV 4 has one, and no choice.
    engine = [cv2.dnn.ENGINE_CLASSIC] if hasattr(cv2.dnn, "ENGINE_CLASSIC") else []
    try:
        # By its path: OpenCV 5.0 leaves the engine out of account when it is given the file's content.
        with resources.as_file(resources.files(__package__) / _FILE) as path:
            network = cv2.dnn.readNetFromTFLite(str(path), *engine)
        names = set(network.getUnconnectedOutLayersNames())
    except (AttributeError, cv2.error) as error:
        raise _too_old(cv2) from error
    if not {_SCORES, _PLACES} <= names:
        raise _too_old(cv2)
    return network


def _too_old(cv2: Any) -> ConfigError:
    return ConfigError(
        f"OpenCV {cv2.__version__} cannot run the face detector, which needs {_OLDEST_OPENCV} or later; "
        f"run: {pip_install(f'opencv-python>={_OLDEST_OPENCV}')}, or choose faces='off' (--faces off)"
    )


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    limited = logits.astype(np.float64).clip(-_LARGEST_LOGIT, _LARGEST_LOGIT)
    scores: NDArray[np.float64] = 1 / (1 + np.exp(-limited))
    return scores
