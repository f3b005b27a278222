"""Measure all figures of the model cards, and write them into cards, README and manifest.

    make figures                                       # what is missing, then all tables
    make figures PAGES=held-out/ FACES=faces/ VGG=vgg19.safetensors
    make tables                                        # no measuring
    python benchmarks/figures.py --sets strips --peer NAFNet=nafnet.pth
    python benchmarks/figures.py --count 2 --results trial.json        # to try it: tables are only printed

Results go to `benchmarks/results/figures.json` as they come, and a command that was stopped goes on where it was. What
is there is not measured again, unless the weights of its model or the options of its set (`figures_sets.py`) have
changed. No table is written by hand: `figures_cards.py` makes all of them from that file.

Pages are made of packages of Debian 12 with apt-get, as docs/training.md tells, unless a folder is given. Faces cannot
be downloaded for you.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from figures_cards import write_all
from figures_methods import Contender, contenders
from figures_results import FILE, Results, figures_of
from figures_sets import SETS, EvaluationSet
from figures_sources import MissingSourceError, Sources
from figures_tables import card_tables
from figures_varying import varying_pairs

from udsd.errors import UdsdError
from udsd.evaluation import EvaluationPair, EvaluationReport, ImageScores, SharpImage, blurred_pairs, evaluate
from udsd.evaluation.vgg import load_vgg19
from udsd.pretrained import load_manifest
from udsd.progress import ImageBar


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    try:
        results = Results(options.results)
        if not options.tables:
            measure_all(options, results)
        if options.results.resolve() == FILE.resolve():
            for path in write_all(results, pictures=options.pictures):
                print(f"{path} is written")
        else:
            manifest, sets = load_manifest(), [shortened(one, options.count) for one in SETS]
            print("\n".join(card_tables(results, entry, manifest, sets) for entry in manifest.models))
    except UdsdError as error:
        print(f"figures.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on, without --again", file=sys.stderr)
        return 130
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", action="store_true", help="measure nothing")
    parser.add_argument("--pictures", action="store_true", help="draw before and after of each card anew")
    parser.add_argument("--sets", nargs="+", choices=[one.name for one in SETS], metavar="NAME", help="only these sets")
    parser.add_argument("--again", action="store_true", help="measure all methods of these sets anew")
    parser.add_argument("--pages", type=Path, metavar="DIR", help="pages (default: made of packages of Debian)")
    parser.add_argument("--faces", type=Path, metavar="DIR", help="aligned faces, one of each person")
    parser.add_argument("--vgg-weights", type=Path, metavar="FILE", help="VGG-19, for faces")
    parser.add_argument(
        "--peer",
        type=named_path,
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="measure a file that spandrel loads, or a model folder, beside ours; may be repeated",
    )
    parser.add_argument("--results", type=Path, default=FILE, metavar="FILE", help="other results than those in git")
    parser.add_argument("--work", type=Path, default=Path("runs/figures"), metavar="DIR", help="what is fetched")
    parser.add_argument("--count", type=int, metavar="N", help="at most so many images of a set; with --results alone")
    options = parser.parse_args(arguments)
    if options.count is not None and options.results.resolve() == FILE.resolve():
        parser.error("--count is for trials; name another file of results with --results")
    return options


def named_path(text: str) -> tuple[str, Path]:
    """What ``--peer`` takes, ``NAME=PATH``; a path alone is named as its file is."""
    name, _, path = text.rpartition("=")
    return name or Path(path).stem, Path(path)


def measure_all(options: argparse.Namespace, results: Results) -> None:
    """Measure what is missing, one group of methods after another."""
    sources = Sources(options.work, options.pages, options.faces, options.vgg_weights)
    for one in SETS:
        if options.sets is None or one.name in options.sets:
            measure_set(shortened(one, options.count), sources, options, results)


def shortened(one: EvaluationSet, count: int | None) -> EvaluationSet:
    """A set of at most so many images."""
    return one if count is None else replace(one, count=min(count, one.count or count))


def measure_set(one: EvaluationSet, sources: Sources, options: argparse.Namespace, results: Results) -> None:
    """Measure what is missing of a set, or all; if its images are missing, that is told."""
    groups = [
        wanted
        for group in contenders(one, options.peer)
        if (wanted := [each for each in group if options.again or not results.has(one, each.name, each.version)])
    ]
    if not groups:
        return
    try:
        images = sources.images(one)
    except MissingSourceError as error:
        names = ", ".join(each.name for group in groups for each in group)
        print(f"{one.name}: not measured ({names}): {error}", file=sys.stderr)
        return
    if options.again:
        results.forget(one, images)
    results.check_images(one, images)
    for group in groups:
        print(f"{one.name}: {', '.join(each.name for each in group)}", file=sys.stderr, flush=True)
        report = measure(one, images, group, sources.vgg)
        versions = {each.name: each.version for each in group}
        for method in report.mean_scores():
            if method in versions or not results.has(one, method):
                results.add(one, method, versions.get(method, ""), figures_of(report, method))


def measure(
    one: EvaluationSet, images: Sequence[SharpImage], group: Sequence[Contender], vgg: Path | None
) -> EvaluationReport:
    """Score a group of methods on the images of a set; each may know the kernel."""
    methods = {each.name: each.load() for each in group}
    network = load_vgg19(vgg) if vgg is not None and one.source == "faces" else None
    scores: list[ImageScores] = []
    with ImageBar(len(images), shown=sys.stderr.isatty()) as bar:
        for pair in pairs_of(one, images):
            told = {name: partial(method, pair.kernel) for name, method in methods.items()}
            scores += evaluate([pair], told, ocr=one.ocr, vgg=network).scores
            bar.finish()
    return EvaluationReport(scores, [])


def pairs_of(one: EvaluationSet, images: Sequence[SharpImage]) -> Iterator[EvaluationPair]:
    """The images of a set, blurred."""
    if one.varying is not None:
        return varying_pairs(images, one.varying)
    return blurred_pairs(images, one.blur, bins=one.bins, other_paper=one.other_paper)


if __name__ == "__main__":
    sys.exit(main())
