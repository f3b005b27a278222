"""``udsd-train export``: the model folder of a training run."""

from __future__ import annotations

from argparse import Namespace

from udsd.cli.output import print_line
from udsd.training.exporting import export


def export_run(options: Namespace) -> int:
    """Write the model folder of a run."""
    export(
        options.folder,
        options.output,
        last=options.last,
        training_state=options.training_state,
        licence=options.licence,
    )
    print_line(f"{options.output}: load it with Deblurrer.from_pretrained({str(options.output)!r})")
    return 0
