"""Train the network that measures print under blur (`udsd/domains/pages/gauge.py`) again.

    python examples/train_print_gauge.py docs/usr/share --photographs backgrounds/ -o gauge.safetensors --minutes 60

Texts and fonts are those of `draw_pages.py`, which says where they come from. Photographs must not show any text:
desktop backgrounds will do (apt-get download gnome-backgrounds mate-backgrounds plasma-workspace-wallpapers).

The rate of learning follows the clock, so that a run takes as long as it is given, and its result depends on the
machine's speed, too. `--start-from` goes on from an earlier file.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from print_gauge_samples import SUBJECT_SIDE, UNCLEAR, KernelDrawer, Sample, SampleDrawer
from print_gauge_subjects import Photographs, read_sources
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from udsd.atomic import whole_file
from udsd.domains.pages.gauge import (
    LARGEST_BLUR,
    SMALLEST_BLUR,
    PrintGauge,
    blur_of,
    blur_steps,
    size_of,
    size_steps,
)
from udsd.errors import IncompatibleWeightsError, UdsdError
from udsd.images import find_images

LOSS_WEIGHTS = {"print": 1.0, "light": 0.3, "letters": 0.5, "along": 0.2, "across": 0.2}
LETTERS_COUNTED = (4.5, 118.0)
"""Sizes in pixels; of smaller letters nothing can be seen, and larger ones do not fit into a sample."""

LETTERS_SOFTNESS, BLUR_SOFTNESS = 0.12, 0.25
"""Standard deviations of the labels' distributions over the steps of sizes, as logarithms."""

MOTIONS = 1500
BATCH_SIZE = 12
KEPT_SAMPLES, FIRST_SAMPLES, SAMPLES_PER_STEP = 6000, 64, 6
LEARNING_RATE, WEIGHT_DECAY, LARGEST_GRADIENT = 1.2e-3, 1e-3, 5.0
WARM_UP_STEPS, FLAT_SHARE, LAST_RATE = 100, 0.3, 0.01
STEPS_SHOWN, STEPS_SAVED = 100, 500


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path, help="folder that holds man/ and hunspell/")
    parser.add_argument(
        "--photographs", type=Path, action="append", required=True, metavar="DIR", help="without text; may be repeated"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="weights, as .safetensors")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start-from", type=Path, metavar="FILE", help="weights that an earlier run has written")
    parser.add_argument("--held-out", type=int, default=300, help="samples to measure the result with (default: 300)")
    options = parser.parse_args(arguments)
    torch.manual_seed(options.seed)
    random = np.random.default_rng(options.seed)
    try:
        gauge = load_gauge(options.start_from) if options.start_from else PrintGauge()
        photographs = Photographs(
            (path for folder in options.photographs for path in find_images(folder)), SUBJECT_SIDE
        )
        drawer = SampleDrawer(read_sources(options.texts), photographs, KernelDrawer(random, MOTIONS))
    except UdsdError as error:
        parser.error(str(error))
    train(gauge, SampleStore(drawer, random), options.minutes, options.output)
    figures = measure(gauge, drawer, options.held_out, np.random.default_rng([options.seed, 1]))
    print(f"{options.held_out} new samples:", ", ".join(f"{name} {value:.3f}" for name, value in figures.items()))
    print("(print, light: shares of right answers; the others: median errors, 0.1 for a tenth)")


def load_gauge(path: Path) -> PrintGauge:
    """The network with the weights of a file that `save_gauge` has written."""
    gauge = PrintGauge()
    try:
        tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
        missing, unexpected = gauge.load_state_dict(tensors, strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise IncompatibleWeightsError(f"{path}: {error}") from error
    wrong = [*unexpected, *(name for name in missing if not _is_counter(name))]
    if wrong:
        raise IncompatibleWeightsError(f"{path}: holds no gauge of print: {', '.join(wrong)} missing or unknown")
    return gauge


def save_gauge(gauge: PrintGauge, path: Path) -> None:
    """Write the weights in half precision, without the counts of batches, which nothing reads."""
    tensors = {name: tensor.half() for name, tensor in gauge.state_dict().items() if not _is_counter(name)}
    with whole_file(path) as unfinished:
        save_file(tensors, unfinished)


def _is_counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Samples side by side; see `Sample`.

    Attributes:
        grey: (B, 1, 256, 256), float32 in [-1, 1].
        print: (B, 16, 16), int8.
        letters: (B, 16, 16), float32.
        is_light: (B, 16, 16), int8.
        blur: (B, 16, 16, 2), float32: the same in each cell, limited to what the gauge can answer.
    """

    grey: Tensor
    print: Tensor
    letters: Tensor
    is_light: Tensor
    blur: Tensor

    @property
    def measured(self) -> Tensor:
        """Cells (B, 16, 16) that hold print of a size that counts."""
        smallest, largest = LETTERS_COUNTED
        return (self.print == 1) & (self.letters >= smallest) & (self.letters <= largest)


def collate(samples: Sequence[Sample]) -> Batch:
    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(sample, name) for sample in samples]))

    letters = stacked("letters")
    blur = stacked("blur").clamp(SMALLEST_BLUR, LARGEST_BLUR)[:, None, None].expand(*letters.shape, 2)
    return Batch(stacked("grey")[:, None].float() / 127.5 - 1, stacked("print"), letters, stacked("is_light"), blur)


class SampleStore:
    """Samples that are shown several times, because to draw one takes longer than to learn from it.

    With every batch some are drawn anew. Once the store is full they take the place of others.
    """

    def __init__(self, drawer: SampleDrawer, random: np.random.Generator) -> None:
        self._drawer, self._random = drawer, random
        self._samples = [drawer.draw(random) for _ in range(FIRST_SAMPLES)]

    def batch(self) -> Batch:
        """Samples chosen at random, after some new ones were drawn."""
        for _ in range(SAMPLES_PER_STEP):
            sample = self._drawer.draw(self._random)
            if len(self._samples) < KEPT_SAMPLES:
                self._samples.append(sample)
            else:
                self._samples[self._random.integers(KEPT_SAMPLES)] = sample
        return collate([self._samples[index] for index in self._random.integers(len(self._samples), size=BATCH_SIZE)])


def otherwise_exposed(grey: Tensor) -> Tensor:
    """Images (B, 1, H, W) in [-1, 1] of another contrast and brightness each, so that none is seen twice."""
    contrast, brightness = torch.empty(2, len(grey), 1, 1, 1)
    exposed: Tensor = grey * contrast.uniform_(0.6, 1.1) + brightness.uniform_(-0.15, 0.15)
    return exposed.clamp(-1, 1)


def losses_of(gauge: PrintGauge, batch: Batch) -> dict[str, Tensor]:
    """The losses by name, without their weights; print is judged everywhere, the rest where there is print."""
    flags, sizes, along, across = gauge(batch.grey)
    measured = batch.measured
    return {
        "print": _flag_loss(flags[:, 0], batch.print, batch.print != UNCLEAR),
        "light": _flag_loss(flags[:, 1], batch.is_light, measured & (batch.is_light != UNCLEAR)),
        "letters": _step_loss(sizes, batch.letters, size_steps(), LETTERS_SOFTNESS, measured),
        "along": _step_loss(along, batch.blur[..., 0], blur_steps(), BLUR_SOFTNESS, measured),
        "across": _step_loss(across, batch.blur[..., 1], blur_steps(), BLUR_SOFTNESS, measured),
    }


def total_of(losses: Mapping[str, Tensor]) -> Tensor:
    return torch.stack([weight * losses[name] for name, weight in LOSS_WEIGHTS.items()]).sum()


def _flag_loss(logits: Tensor, labels: Tensor, counted: Tensor) -> Tensor:
    losses = F.binary_cross_entropy_with_logits(logits[counted], labels[counted].float(), reduction="sum")
    return losses / counted.sum().clamp_min(1)


def _step_loss(logits: Tensor, sizes: Tensor, steps: Tensor, softness: float, counted: Tensor) -> Tensor:
    """Cross-entropy with a bell around the size on the logarithmic scale: the steps next to it are nearly right."""
    distances = (sizes[counted].log()[:, None] - steps.log()) / softness
    labels = torch.softmax(-0.5 * distances.square(), dim=1)
    losses = F.cross_entropy(logits.permute(0, 2, 3, 1)[counted], labels, reduction="sum")
    return losses / counted.sum().clamp_min(1)


def rate_at(step: int, share: float) -> float:
    """Learning rate at a step, from 0, when a share of the time has passed: it rises, stays, and falls to 1 %."""
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    decay = 1.0 if share < FLAT_SHARE else max(LAST_RATE, (1 - share) / (1 - FLAT_SHARE))
    return LEARNING_RATE * warm_up * decay


def make_optimizer(gauge: PrintGauge) -> torch.optim.Optimizer:
    return torch.optim.AdamW(gauge.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)


def take_step(gauge: PrintGauge, optimizer: torch.optim.Optimizer, batch: Batch, rate: float) -> dict[str, float]:
    """Learn from a batch; returns its losses."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    losses = losses_of(gauge, batch)
    optimizer.zero_grad()
    total_of(losses).backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(gauge.parameters(), LARGEST_GRADIENT)
    optimizer.step()
    return {name: loss.item() for name, loss in losses.items()}


def train(gauge: PrintGauge, store: SampleStore, minutes: float, output: Path) -> None:
    """Train for some minutes, show the mean losses now and then, and write the weights."""
    gauge.train()
    optimizer = make_optimizer(gauge)
    start, step, shown = time.monotonic(), 0, dict.fromkeys(LOSS_WEIGHTS, 0.0)
    while (passed := (time.monotonic() - start) / 60) < minutes:
        share = passed / minutes
        batch = store.batch()
        batch = replace(batch, grey=otherwise_exposed(batch.grey))
        losses = take_step(gauge, optimizer, batch, rate_at(step, share))
        step += 1
        shown = {name: value + losses[name] / STEPS_SHOWN for name, value in shown.items()}
        if step % STEPS_SHOWN == 0:
            print(f"step {step}, {share:.0%}:", *(f"{name} {value:.3f}" for name, value in shown.items()), flush=True)
            shown = dict.fromkeys(LOSS_WEIGHTS, 0.0)
        if step % STEPS_SAVED == 0:
            save_gauge(gauge, output)
    save_gauge(gauge, output)


@torch.inference_mode()
def measure(gauge: PrintGauge, drawer: SampleDrawer, count: int, random: np.random.Generator) -> dict[str, float]:
    """How well the gauge reads new samples, over all their cells.

    Returns:
        ``print`` and ``light``: shares of right answers; ``letters``, ``along`` and ``across``: median errors of sizes,
        as 0.1 for a tenth too large or too small.
    """
    gauge.eval()
    found: dict[str, list[Tensor]] = {name: [] for name in LOSS_WEIGHTS}
    for _ in range(count):
        batch = collate([drawer.draw(random)])
        flags, sizes, along, across = gauge(batch.grey)
        said, measured = flags > 0, batch.measured
        found["print"].append((said[:, 0] == (batch.print == 1))[batch.print != UNCLEAR])
        found["light"].append((said[:, 1] == (batch.is_light == 1))[measured & (batch.is_light != UNCLEAR)])
        found["letters"].append(_errors(size_of(sizes), batch.letters, measured))
        found["along"].append(_errors(blur_of(along), batch.blur[..., 0], measured))
        found["across"].append(_errors(blur_of(across), batch.blur[..., 1], measured))
    cells = {name: torch.cat(values) for name, values in found.items()}
    shares = {name: cells[name].float().mean().item() for name in ("print", "light")}
    return shares | {name: cells[name].median().expm1().item() for name in ("letters", "along", "across")}


def _errors(answers: Tensor, truths: Tensor, counted: Tensor) -> Tensor:
    return (answers[counted] / truths[counted]).log().abs()


if __name__ == "__main__":
    main()
