"""The ``udsd`` command, and the way errors leave it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from udsd.cli.lazy import find_function
from udsd.cli.output import print_error, show_log
from udsd.cli.parser import make_parser
from udsd.errors import UdsdError

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_CLOSED_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0: all is done. 1: some files of a run could not be restored. 2: nothing could be done; one line on standard
    error says why. 130: interrupted. 141: nobody reads the output any more.
    """
    options = make_parser().parse_args(arguments)
    show_log(logging.INFO if options.verbose else logging.WARNING)
    try:
        status = find_function(options.run)(options)
    except UdsdError as error:
        print_error(error)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Who reads our output has closed it, as head does. At exit Python would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_CLOSED_PIPE
    return status
