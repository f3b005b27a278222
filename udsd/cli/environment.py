"""What a command sets in the environment before PyTorch is imported, which reads it only then."""

from __future__ import annotations

import os
import sys

_SPINS = "3000"


def set_environment() -> None:
    """Set what the user has not set himself.

    * GNU's OpenMP has threads that wait for another one spin for some milliseconds, on the assumption that each has a
      core of its own. Where other programs take their turns, or threads that read, write and draw crops beside the
      network, it is then the spinning that keeps the other one from its work: beside two busy processes, two cores
      trained at a third of the speed. The shorter turns here cost nothing that could be measured on an idle machine
      (docs/performance.md). Other systems have other libraries, which do not know this variable.
    * What PyTorch lacks on Apple's GPUs runs on the CPU.
    """
    if "OMP_WAIT_POLICY" not in os.environ:  # the general wish, which the special one would overrule
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
    if sys.platform == "darwin":
        os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
