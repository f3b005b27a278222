"""``python -m udsd``: the ``udsd`` command where its script is not on the path."""

import sys

from udsd.cli import main

if __name__ == "__main__":
    sys.exit(main())
