"""``udsd-train blur``: what blur a folder of images has."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

import numpy as np

from udsd.cli.output import print_line
from udsd.estimation import SHARP, typical_extent
from udsd.training.blur_report import describe_blurs, write_report
from udsd.training.image_lists import check_images, list_images
from udsd.training.learnt_blur import BLUR_FILE, find_in, learn_from, unpaired_files


def report_blur(options: Namespace) -> int:
    """Find the blur of a folder and write a report on it."""
    if options.sharp:
        files, sharp = unpaired_files(options.blurred, options.sharp, options.output)
        estimator = learn_from(files, sharp, options.seed)
        blurs = estimator.blurs
        write_report(blurs, options.output)
        estimator.save(options.output / BLUR_FILE)
    else:
        files = check_images(list_images(options.blurred, options.output), 0)
        blurs = find_in(files, options.seed)
        write_report(blurs, options.output)
        blurs.save(options.output / BLUR_FILE)
    print_line(f"{len(files)} images")
    lines = describe_blurs(blurs if options.sharp else replace(blurs, gammas=np.ones(len(blurs))))
    if not options.sharp:
        lines.append("whether light or grey levels were blurred is not known without --sharp: half are taken for light")
    for line in lines:
        print_line(f"  {line}")
    if typical_extent(blurs) < SHARP:
        print_line("these images are sharp: there is no blur to learn")
    print_line(f"{options.output} holds the report; for training: --set blur.learnt={options.output / BLUR_FILE}")
    return 0
