"""``udsd watch``: a folder whose files are restored as they arrive."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from functools import partial

from udsd.cli.commands import load_restorer, restore_keywords, set_limits, tell
from udsd.cli.help import QUIET
from udsd.cli.interrupts import INTERRUPTS, watch_termination
from udsd.cli.output import print_error, print_line, print_note
from udsd.cli.reports import write_report
from udsd.files.report import FileReport, FileResult
from udsd.files.watching import FolderWatch
from udsd.paths import is_folder


def watch(options: Namespace) -> int:
    """Restore what is in a folder and what arrives there, until it is stopped."""
    options.inputs = [options.folder]
    set_limits(options)
    keywords = restore_keywords(options)
    folder = FolderWatch(
        options.folder,
        options.output,
        settle=options.settle,
        rescan=options.rescan,
        other_results=options.face_crops,
    )
    taken = _Taken(options)

    def finish() -> None:
        folder.stop()
        INTERRUPTS.say("finishing what is in work; once more ends at once")

    INTERRUPTS.finish_instead(finish)
    watch_termination()
    if options.verbosity != QUIET and is_folder(options.folder):
        print_note(f"watching {options.folder}; Ctrl-C ends it")
    try:
        folder.run(partial(load_restorer, options), on_result=taken.take, **keywords)
    finally:
        if options.report is not None:
            write_report(taken.report.to_json(), options.report)
    if options.verbosity != QUIET:
        print_note(taken.counted())
    return 1 if taken.counts["failed"] or taken.counts["unsuitable"] else 0


class _Taken:
    """What became of the files so far; results are kept only where a report is wanted."""

    def __init__(self, options: Namespace) -> None:
        self._options = options
        self.report = FileReport()
        self.counts: Counter[str] = Counter()

    def take(self, result: FileResult) -> None:
        """Count a file, and tell what became of it."""
        self.counts[result.status] += 1
        INTERRUPTS.done += result.status != "failed"
        if self._options.report is not None:
            self.report.results.append(result)
        tell(result, self._options)
        if result.status in ("failed", "unsuitable"):
            print_error(result.reason)
        if self._options.json:
            print_line(result.to_json())
        elif self._options.verbosity != QUIET and result.status == "restored":
            print_line(str(result.target))

    def counted(self) -> str:
        """How many files there were."""
        words = ("restored", "kept", "sharp", "unsuitable", "failed")
        return ", ".join(f"{self.counts[word]} {word}" for word in words if self.counts[word] or word == "restored")
