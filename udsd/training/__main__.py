"""``python -m udsd.training``, for launchers that take a module: ``accelerate launch -m udsd.training ...``."""

import importlib
import sys

if __name__ == "__main__":
    # By name: the command knows this package, and not the other way round.
    sys.exit(importlib.import_module("udsd.cli.train").main())
