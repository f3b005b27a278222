from __future__ import annotations

import subprocess
import sys

import udsd


def test_all_names_are_there_and_sorted() -> None:
    assert sorted(udsd.__all__) == udsd.__all__
    assert all(hasattr(udsd, name) for name in udsd.__all__)


def test_import_is_light() -> None:
    """Nothing optional, nothing that reaches out, and not OpenCV, which needs libGL."""
    heavy = ["cv2", "torchvision", "huggingface_hub", "skimage", "accelerate", "udsd.training", "udsd.evaluation"]
    check = f"import sys, udsd; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
