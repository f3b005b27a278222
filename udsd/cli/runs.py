"""``udsd-train export``: the model folder of a training run."""

from __future__ import annotations

from argparse import Namespace

from udsd.cli.output import print_line
from udsd.pretrained import save_model
from udsd.training.checkpoint import save_training_state
from udsd.training.runs import load_trained


def export_run(options: Namespace) -> int:
    """Write the model folder of a run."""
    run = load_trained(options.folder, last=options.last)
    save_model(run.networks.deblur_model, options.output)
    if options.training_state:
        save_training_state(run.networks, options.output)
    print_line(f"{options.output}: load it with Deblurrer.from_pretrained({str(options.output)!r})")
    return 0
