"""How a command runs: from its options to its exit status, and the way errors leave it."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from udsd.cli.help import NORMAL, QUIET, VERBOSE
from udsd.cli.interrupts import EXIT_INTERRUPTED, INTERRUPTS
from udsd.cli.lazy import find_function
from udsd.cli.output import begin_output, output_is_lost, print_error, show_log
from udsd.cli.streams import give_up_output, prepare_streams, silence_libraries
from udsd.errors import UdsdError
from udsd.out_of_memory import is_out_of_memory

EXIT_INCOMPLETE = 1
EXIT_BAD_INPUT = 2
EXIT_CLOSED_PIPE = 141

_LEVELS = {QUIET: logging.ERROR, NORMAL: logging.WARNING, VERBOSE: logging.INFO}


def run_command(name: str, parse: Callable[[], Namespace], *, owns_process: bool = False) -> int:
    """Parse the options, run the function that they name, and return the exit status.

    Args:
        name: The command's, for messages.
        parse: Gives the options; ``run`` of them names the function. Unless its ``verbosity`` is verbose, which it is
            where there is none, libraries in C are silent.
        owns_process: Whether the process is that of the command.
    """
    prepare_streams()
    begin_output()
    try:
        options = parse()
        verbosity = getattr(options, "verbosity", VERBOSE)
        if owns_process and verbosity != VERBOSE:
            INTERRUPTS.descriptor = silence_libraries()
        show_log(_LEVELS[verbosity])
        function = find_function(options.run)
        INTERRUPTS.begin_work()
        status = function(options)
    except UdsdError as error:
        print_error(error, command=name)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        INTERRUPTS.report()
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Who reads our output has closed it, as head does.
        give_up_output()
        return EXIT_CLOSED_PIPE
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        print_error(reason, command=name)
        return EXIT_BAD_INPUT
    finally:
        _flush()
    return max(status, EXIT_INCOMPLETE) if output_is_lost() else status


def _reason(error: Exception) -> str | None:
    """What ended a command in the middle of a library that knows nothing of us; None if it is a mistake of ours."""
    if is_out_of_memory(error):
        return "out of memory; free some, or allow the process more"
    if isinstance(error, FileNotFoundError):
        try:
            Path.cwd()
        except FileNotFoundError:
            return "the current folder has been removed; change to another"
    return None


def _flush() -> None:
    """What argparse has printed may not be written yet, and at exit it is too late to be quiet about it."""
    try:
        sys.stdout.flush()
    except OSError:
        give_up_output()
