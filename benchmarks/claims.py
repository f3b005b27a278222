"""Whether what the paper claims of its parts can be measured, on small networks and on the bundled models.

    python benchmarks/claims.py --sharp plates/ -o runs/claims
    python benchmarks/claims.py --sharp plates/ -o runs/claims --vgg-weights vgg19.safetensors --steps 2000 --width 32
    python benchmarks/claims.py --sharp plates/ -o runs/claims --parts codes --models text-small face

Three parts: ``codes`` asks what the blur code z tells of the blur and of the content; ``transfer`` lays the blur of one
image on another; ``ablation`` trains without one part of the method at a time. `docs/claims.md` explains the figures.

Every fifth image is held out. Results go to ``claims.json`` as they come, and a command that was stopped goes on where
it was, within a training run too. ``claims.md`` holds the tables, ``transfer-*.png`` are the pictures.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from claims_probes import BlurredCrops, Probe
from claims_report import tables
from claims_runs import ABLATIONS, Budget, ablated, train_run, transfer_config, warm_start_config
from claims_transfer import by_estimator, by_networks, measure_transfer

from udsd.atomic import whole_file
from udsd.errors import ConfigError, UdsdError
from udsd.estimation import general_estimator
from udsd.evaluation.vgg import load_vgg19
from udsd.models import DeblurModel
from udsd.pretrained import load_model
from udsd.training.config import TrainingConfig
from udsd.training.image_lists import list_images
from udsd.training.networks import TrainingNetworks

Figures = dict[str, Any]

PARTS = ("codes", "transfer", "ablation")
KL_WEIGHTS = (0.01, 0.0001, 0.0)
"""The paper's, that of the bundled models, and none."""

ESTIMATOR = "estimator"
"""That of `Deblurrer.estimate_blur`, which is no part of the method: how much can be told, for comparison."""

HELD_OUT_OF = 5
FEWEST = 20
"""Images: a fifth of them are held out, and half of those are what probes are fitted to."""


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    try:
        claims = Claims(options)
        if "codes" in options.parts:
            claims.codes()
        if "transfer" in options.parts:
            claims.transfer()
        if "ablation" in options.parts:
            claims.ablation()
    except UdsdError as error:
        print(f"claims.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    print(tables(claims.results))
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sharp", action="append", required=True, metavar="DIR", help="sharp images; may be repeated")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the results and the runs")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--models", nargs="*", default=["text-small", "text", "face"], help="models to look into")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--vgg-weights", default="", metavar="FILE", help="VGG-19; without it no perceptual loss")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--crop", type=int, default=64, help="side of training crops in pixels")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument(
        "--lengths", nargs=2, type=float, default=[3.0, 15.0], help="lengths of straight motion, pixels"
    )
    parser.add_argument("--warm-steps", type=int, default=600, help="steps of warm starts")
    parser.add_argument("--transfer-steps", type=int, default=600, help="unpaired steps before blur is transferred")
    parser.add_argument("--steps", type=int, default=200, help="steps of each run of the ablation")
    parser.add_argument("--crops", type=int, default=600, help="crops that probes are fitted to; half as many to test")
    return parser.parse_args(arguments)


class Claims:
    """The results so far, and how further ones are made.

    Attributes:
        results: What ``claims.json`` holds.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._output: Path = options.output
        self._budget = Budget(
            options.width, options.crop, options.batch, tuple(options.lengths), options.vgg_weights, options.seeds
        )
        files = list_images(options.sharp, besides=self._output)
        if len(files) < FEWEST:
            raise ConfigError(f"{len(files)} image(s); give at least {FEWEST}, of which every fifth is held out")
        self._held_out = files[::HELD_OUT_OF]
        self._training = self._output / "training.txt"
        self.results = self._begin(files)
        self._probes: dict[bool, Probe] = {}

    def codes(self) -> None:
        """What the codes of bundled models tell, of no training at all, and of warm starts with and without KL."""
        self._once("codes", ESTIMATOR, self._codes_of_estimator)
        for name in self._options.models:
            self._once("codes", name, partial(self._codes_of_model, name))
        for seed in range(self._options.seeds):
            untrained = warm_start_config(self._budget, 1, kl=0.0, seed=seed)
            self._once("codes", f"untrained/{seed}", partial(self._codes_untrained, untrained))
            for kl in KL_WEIGHTS:
                config = warm_start_config(self._budget, self._options.warm_steps, kl=kl, seed=seed)
                name = f"warm start, KL {kl:g}/{seed}"
                self._once("codes", name, partial(self._codes_trained, name, config))

    def transfer(self) -> None:
        """Blur laid on other images: by an estimator of kernels, by G_B as a network and as a camera path."""
        self._once("transfer", ESTIMATOR, self._transferred_by_estimator)
        for blur in ("network", "path"):
            config = transfer_config(self._budget, self._options.warm_steps, self._options.transfer_steps, blur)
            self._once("transfer", blur, partial(self._transferred, blur, config))

    def ablation(self) -> None:
        """The method without one part at a time. All parts of one seed come before the next seed."""
        for seed in range(self._options.seeds):
            for name in ABLATIONS:
                config = ablated(self._budget, self._options.steps, name, seed)
                if config is not None:
                    self._once("ablation", f"{name}/{seed}", partial(self._ablated, f"{name}/{seed}", config))

    def _codes_of_estimator(self) -> Figures:
        return self._probe_on(balance_white=False).measure_estimator(general_estimator())

    def _transferred_by_estimator(self) -> Figures:
        return measure_transfer(
            by_estimator(general_estimator()), self._crops(), self._output / "transfer-estimator.png"
        )

    def _codes_of_model(self, name: str) -> Figures:
        return self._probe(load_model(name))

    def _codes_untrained(self, config: TrainingConfig) -> Figures:
        torch.manual_seed(config.run.seed)
        return self._probe(DeblurModel(config.model).eval())

    def _codes_trained(self, name: str, config: TrainingConfig) -> Figures:
        return self._probe(self._train(name, config).deblur_model)

    def _transferred(self, blur: str, config: TrainingConfig) -> Figures:
        lay = by_networks(self._train(f"transfer-{blur}", config))
        return measure_transfer(lay, self._crops(), self._output / f"transfer-{blur}.png")

    def _ablated(self, name: str, config: TrainingConfig) -> Figures:
        model = self._train(name, config).deblur_model
        weights = self._options.vgg_weights
        figures = self._crops().restoration(model, load_vgg19(Path(weights)) if weights else None)
        return figures | self._probe(model) if config.branches.blur_encoder else figures

    def _begin(self, files: list[Path]) -> dict[str, Any]:
        settings = {
            name: value
            for name, value in vars(self._options).items()
            if name not in ("sharp", "output", "parts", "models", "seeds", "vgg_weights")
        }
        settings |= {"images": len(files), "perceptual": bool(self._options.vgg_weights)}
        held_out, path = set(self._held_out), self._output / "claims.json"
        training = "".join(f"{file.absolute()}\n" for file in files if file not in held_out)
        if path.exists():
            if self._training.read_text(encoding="utf-8") != training:
                raise ConfigError(f"{path} is of other images; give another --output")
            results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if results["settings"] != settings:
                raise ConfigError(f"{path} is of other settings: {results['settings']}; give another --output")
            return results
        with whole_file(self._training) as unfinished:
            unfinished.write_text(training, encoding="utf-8")
        return {"settings": settings, **{part: {} for part in PARTS}}

    def _once(self, part: str, name: str, work: Callable[[], Figures]) -> None:
        """Do one piece of work unless its result is there, and keep the result."""
        if name in self.results[part]:
            return
        began = time.process_time()
        figures = work()
        self.results[part][name] = {**figures, "cpu_seconds": round(time.process_time() - began, 1)}
        with whole_file(self._output / "claims.json") as unfinished:
            unfinished.write_text(json.dumps(self.results, indent=1) + "\n", encoding="utf-8")
        with whole_file(self._output / "claims.md") as unfinished:
            unfinished.write_text(tables(self.results) + "\n", encoding="utf-8")
        print(f"{part}: {name}: {self.results[part][name]}", flush=True)

    def _train(self, name: str, config: TrainingConfig) -> TrainingNetworks:
        folder = self._output / "runs" / name.replace(", ", "-").replace("/", "-").replace(" ", "-")
        return train_run(folder, config, self._training).networks

    def _crops(self, *, balance_white: bool = False) -> BlurredCrops:
        return BlurredCrops(self._held_out, self._budget.lengths, balance_white=balance_white)

    def _probe(self, model: DeblurModel) -> Figures:
        return self._probe_on(balance_white=model.config.balance_white).measure(model)

    def _probe_on(self, *, balance_white: bool) -> Probe:
        if balance_white not in self._probes:
            self._probes[balance_white] = Probe(self._crops(balance_white=balance_white), self._options.crops)
        return self._probes[balance_white]


if __name__ == "__main__":
    sys.exit(main())
