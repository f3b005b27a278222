"""``python -m udsd.training``, for launchers that take a module: ``accelerate launch -m udsd.training ...``."""

import sys

from udsd.training.cli import main

if __name__ == "__main__":
    sys.exit(main())
