"""Train a bundled model again: all of its runs, each from the model of the one before.

    python examples/train_bundled.py text-small --sharp pages/ --output runs/text-small
    python examples/train_bundled.py text --sharp pages/ --output runs/text --init runs/text-small/models/6
    python examples/train_bundled.py face --sharp faces/ --output runs/face --vgg-weights vgg19.safetensors
    python examples/train_bundled.py plate --sharp plates/ --output runs/plate
    python examples/train_bundled.py face-small --sharp faces/ --output runs/face-small \
        --init runs/text-small/models/6 --teacher runs/face/models/final --vgg-weights vgg19.safetensors

The model is in OUTPUT/models/final in the end. After an interruption the same command goes on: finished runs are passed
over, the one in progress is resumed. `--dry-run` only prints the commands.

Images: pages as docs/training.md makes them from PDF documents; faces of about 160 px, aligned as those of CelebA and
LFW are, tighter ones scaled down (UTKFace: mogrify -path faces/utkface/ -format png -resize 136x136 utkface/*.jpg);
plates: python examples/draw_plates.py -o plates/ --count 9000. The third edition of `text` had 5,202 pages: the 2,531
of the runs before, and 2,671 that were drawn by

    python examples/draw_pages.py docs/usr/share -o pages/drawn2/ --letters 13 42 --seed 11 --count 2700

but with more Cyrillic and Chinese among them, and each cut to 760 px a side at most. The first run of `face-small` had
3,504 faces.

The last runs of `text-small` learn from `text`, which itself begins with the sixth of `text-small`. To make both anew,
name the `text` that is to come: text-small --teacher runs/text/models/final. The command ends before those runs as long
as it is not there, and goes on with them later.

Time on one core of a Xeon that multiplies matrices in bfloat16 (AMX): text-small some eight hours, the first editions
of text nine more and of face five and a half. Cores without such instructions take several times as long. The runs
with batches of 32, 48 and 56 are for a GPU: three to twelve minutes each on an H200 or H100 with the forerunner of this
trainer (below). docs/training.md has the settings for one GPU.

The weights will be like the bundled ones, not the same: some of their runs were resumed with other settings than they
began with (the models' cards say which), and number formats round differently from machine to machine. All runs with
batches of 32 or more were made by a forerunner of this trainer, a script, which differs from it in this: it drew noise
on the GPU; faces were enlarged by 1, 1.2 or 1.4, plates by 0.7, 1 or 1.5; of each batch of the third edition of
`text` a quarter was stored at 104/160 of its size and a quarter at 1/2, all of pages with letters of 18 to 42 px, and
pages with letters of 14 to 40 px were drawn from three times as often as others; flat grounds were never scaled to
white. Its fourth edition had 4,381 pages of its own, half of its paths of 6 to 70 px and half of 20 to 104, and in its
second pass a kernel between the true one and the estimate; 28 of 48 crops of a batch were stored small. The teacher of
`text-small` was `text` after 60 % of its third edition's run, and then its fourth edition, on 1,538 of the pages that
this had learnt from, and at last on all of them, where it taught nothing of the crops blurred in linear light: it did
not know them. Its third edition, where its last run began, was the mean of what two runs gave, .82 of the later one.
The last runs of `face` and `face-small` were one: the teacher was `face` as it was after each step. That of `plate` had
6,000 plates, others than those of the run before. Those runs ended by the clock; the steps here are those that they had
come to.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from udsd.cli.train import main as udsd_train
from udsd.images import find_images
from udsd.pretrained import load_model, save_model
from udsd.training.checkpoint import find_checkpoints
from udsd.training.config import TrainingConfig, parse_setting

Settings = Mapping[str, str]

LEVELS: Settings = {"blur.gamma_probability": "0", "blur.sharpened_probability": "0"}
"""Of all runs but the last of each model, which is shown the blur of cameras, as the recipes have it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a chain: which images it is shown, whom it learns from, and how it differs from the model's recipe."""

    images: Literal["all", "odd", "even"] = "all"
    settings: Settings = field(default_factory=dict)
    teacher: str = ""


def run(
    images: Literal["all", "odd", "even"] = "all",
    common: Settings | None = None,
    *,
    teacher: str = "",
    **settings: object,
) -> Run:
    """A run by its settings, ``section__key=value``, and those that it has in common with others; else of levels."""
    own = {name.replace("__", "."): str(value) for name, value in settings.items()}
    return Run(images, {**LEVELS, **(common or {}), **own}, teacher)


SMALL_WHITE: Settings = {
    "data.other_paper": "0",
    "warm_start.learning_rate": "6e-4",
    "warm_start.decay_share": "0.7",
    "warm_start.steps": "17500",
}
SMALL_ADAM: Settings = {
    **SMALL_WHITE,
    "warm_start.optimizer": "adam",
    "blur.defocus_probability": "0",
    "blur.noise": "[0,2]",
}
TEXT_WHITE: Settings = {
    "data.other_paper": "0",
    "warm_start.learning_rate": "6e-4",
    "warm_start.ramp_steps": "300",
    "warm_start.decay_share": "0.7",
}
TEXT_BROAD: Settings = {
    "data.other_paper": "0.3",
    "blur.path_length": "[6,72]",
    "blur.motion_probability": "0.93",
    "blur.straight_probability": "0.15",
    "blur.defocus_probability": "0.3",
    "blur.defocus_radius": "[0.5,5]",
    "blur.gaussian_probability": "0.15",
    "blur.gaussian_sigma": "[0.3,2.5]",
    "blur.noise": "[0,7]",
    "blur.jpeg_probability": "0.3",
    "blur.jpeg_quality": "[30,95]",
    "warm_start.decay_share": "0.001",
}
FACE_ADAM: Settings = {"model.base_width": "32", "warm_start.optimizer": "adam"}
FACE_LARGE: Settings = {
    "data.scales": "[1,1.4]",
    "data.crop_size": "160",
    "data.batch_size": "32",
    "blur.path_length": "[10,84]",
    "blur.motion_probability": "0.95",
    "blur.straight_probability": "0.15",
    "blur.defocus_probability": "0.25",
    "blur.defocus_radius": "[0.5,4]",
    "blur.gaussian_probability": "0.15",
    "blur.gaussian_sigma": "[0.3,2]",
    "blur.noise": "[0,6]",
    "blur.jpeg_probability": "0.3",
    "blur.jpeg_quality": "[35,95]",
    "loss.restoration_perceptual": "0.7",
    "objective.perceptual_size": "128",
}
FACE_LIGHT: Settings = {
    **FACE_LARGE,
    "data.batch_size": "48",
    "blur.gamma_probability": "0.5",
    "blur.sharpened_probability": "0.15",
    "blur.noise": "[0,8]",
    "blur.jpeg_quality": "[30,95]",
    "warm_start.learning_rate": "1e-3",
    "warm_start.ramp_steps": "100",
    "warm_start.decay_share": "0.7",
    "warm_start.steps": "4557",
    "run.ema_decay": "0.998",
    "run.seed": "51",
}
LARGE_BATCHES: Settings = {"data.crop_size": "160", "data.batch_size": "32", "run.ema_decay": "0.998"}
TEXT_THIRD: Settings = {
    **TEXT_BROAD,
    "data.crop_size": "160",
    "data.batch_size": "48",
    "data.flat_share": "0.085",
    "blur.enlarged_probability": "0.5",
    "blur.enlarged_factor": "[1.54,2]",
    "warm_start.learning_rate": "1e-3",
    "warm_start.ramp_steps": "100",
    "warm_start.decay_share": "0.7",
    "run.ema_decay": "0.998",
    "run.seed": "17",
}

TEXT_FOURTH: Settings = {
    **TEXT_THIRD,
    "blur.path_length": "[6,104]",
    "blur.defocus_radius": "[0.5,6]",
    "blur.noise": "[0,8]",
    "warm_start.second_pass": "0.4",
    "warm_start.ramp_steps": "150",
    "warm_start.decay_share": "0.75",
    "run.seed": "23",
}

TEXT_FIFTH: Settings = {
    **TEXT_FOURTH,
    "blur.gamma_probability": "0.45",
    "blur.sharpened_probability": "0.15",
    "run.seed": "36",
}

PLATES: Settings = {
    "data.minimum_contrast": "10",
    "data.scales": "[0.7,1.5]",
    "data.crop_size": "144",
    "data.batch_size": "56",
    "data.flat_share": "0.06",
    "blur.motion_probability": "0.93",
    "blur.gaussian_sigma": "[0.3,2]",
    "warm_start.learning_rate": "1e-3",
    "warm_start.decay_share": "0.75",
    "run.ema_decay": "0.998",
}

CHAINS: Mapping[str, Sequence[Run]] = {
    # Small crops are fast; larger ones have less border, where blur carries light out of sight.
    "text-small": (
        run(
            common=SMALL_ADAM,
            data__crop_size=64,
            data__batch_size=8,
            warm_start__steps=22000,
            warm_start__learning_rate="8e-4",
            warm_start__decay_share=0.5,
        ),
        run(common=SMALL_ADAM, data__crop_size=96, data__batch_size=6, warm_start__steps=18000),
        run("even", SMALL_ADAM, run__seed=4, warm_start__steps=14000),
        # It was meant for 24,000 steps and stopped at nearly its full rate.
        run("odd", SMALL_ADAM, run__seed=5, warm_start__steps=7952, warm_start__decay_share=0.001),
        run("even", SMALL_WHITE, run__seed=6),
        run(),
        # The second edition: broader pages, and `text` as its teacher. The third: its teacher has learnt more.
        run(common=TEXT_THIRD, teacher="text", warm_start__steps=3596),
        run(common={**TEXT_FOURTH, "warm_start.second_pass": "0"}, teacher="text", warm_start__steps=5818),
        # The fourth: half of the crops blurred in linear light.
        run(
            common={**TEXT_FIFTH, "warm_start.second_pass": "0", "data.batch_size": "40"},
            teacher="text",
            warm_start__steps=11649,
        ),
    ),
    # From `text-small`, widened. The first edition was the mean of runs 5 and 6, which measures as run 6 does.
    "text": (
        run("odd", TEXT_WHITE, model__base_width=64, run__seed=7, warm_start__steps=7500),
        run("even", TEXT_WHITE, run__seed=8, warm_start__steps=9500),
        run("odd", TEXT_WHITE, run__seed=9, warm_start__steps=9500),
        run("even", TEXT_WHITE, run__seed=10, warm_start__steps=8000),
        run("odd", TEXT_WHITE, run__seed=11, warm_start__steps=8000),
        run(),
        # The second edition: broader pages, drawn ones among them, at first on a CPU.
        run(common=TEXT_BROAD, run__seed=41, warm_start__steps=9946),
        run(
            common={**TEXT_BROAD, **LARGE_BATCHES},
            run__seed=7,
            warm_start__steps=6557,
            warm_start__learning_rate="1e-3",
            warm_start__decay_share=0.7,
        ),
        run(
            common={**TEXT_BROAD, **LARGE_BATCHES},
            run__seed=8,
            warm_start__steps=3423,
            warm_start__learning_rate="8e-4",
            warm_start__decay_share=0.85,
        ),
        # The third edition: letters that were stored small and enlarged, and crops without any.
        run(common=TEXT_THIRD, warm_start__steps=12911),
        # The fourth: longer paths, and crops that were restored once.
        run(common=TEXT_FOURTH, warm_start__steps=11079),
        # The fifth: half of them blurred in linear light.
        run(common=TEXT_FIFTH, warm_start__steps=7560),
    ),
    # Four runs at half the width, the first without VGG-19; then it is widened.
    "face": (
        run(
            common=FACE_ADAM,
            loss__restoration_perceptual=0,
            warm_start__steps=6200,
            warm_start__learning_rate="8e-4",
            warm_start__decay_share=0.01,
        ),
        run(
            common=FACE_ADAM,
            run__seed=2,
            loss__restoration_perceptual=0.3,
            warm_start__steps=12000,
            warm_start__learning_rate="7e-4",
            warm_start__decay_share=0.7,
        ),
        run(model__base_width=32, run__seed=3, warm_start__steps=6000),
        run(model__base_width=32, run__seed=4, warm_start__steps=7000),
        run(model__base_width=64, run__seed=5),
        # The second edition: enlarged faces, at first on a CPU.
        run(data__scales="[1.4,1.4]", blur__path_length="[12,84]", run__seed=6, warm_start__steps=3600),
        run(
            common={**FACE_LARGE, **LARGE_BATCHES},
            run__seed=7,
            warm_start__steps=9082,
            warm_start__learning_rate="1e-3",
            warm_start__decay_share=0.7,
        ),
        # The third: half of them blurred in linear light.
        run(common=FACE_LIGHT),
    ),
    # From `text`.
    "plate": (
        run(common=PLATES, run__seed=23, warm_start__steps=5758, warm_start__ramp_steps=150),
        # The third edition, on other plates: half of them blurred in linear light.
        run(
            common=PLATES,
            blur__gamma_probability=0.5,
            blur__sharpened_probability=0.15,
            run__seed=51,
            warm_start__steps=3944,
            warm_start__ramp_steps=100,
        ),
    ),
    # From the first edition of `text-small`.
    "face-small": (
        run(teacher="face"),
        run(common=FACE_LIGHT, teacher="face"),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=CHAINS)
    parser.add_argument("--sharp", type=Path, action="append", required=True, metavar="DIR", help="may be repeated")
    parser.add_argument("--output", type=Path, required=True, help="folder for all runs and models")
    parser.add_argument(
        "--init",
        default="text-small",
        metavar="MODEL",
        help="where `text` and `face-small` start (default: text-small)",
    )
    parser.add_argument(
        "--teacher",
        metavar="MODEL",
        help="what the last runs of `text-small`, and `face-small`, learn from (default: text, face)",
    )
    parser.add_argument("--vgg-weights", metavar="FILE", help="VGG-19, for faces (default: torchvision downloads it)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for every run, after its own")
    parser.add_argument("--dry-run", action="store_true", help="print the commands and do nothing")
    options = parser.parse_args(arguments)
    chain = CHAINS[options.model]
    if not options.dry_run:
        write_lists(options)
    for number in range(1, len(chain) + 1):
        commands = commands_of(options, number)
        if options.dry_run:
            print(*(shlex.join(["udsd-train", *command]) for command in commands), sep="\n")
            continue
        if model_folder(options, number).is_dir():
            print(f"run {number} of {len(chain)} is done")
            continue
        print(f"run {number} of {len(chain)}: {shlex.join(commands[0])}", flush=True)
        if status := udsd_train(commands[0]):
            return status
        if not is_finished(options, number):
            print("stopped; the same command goes on from here")
            return 1
        if status := udsd_train(commands[1]):
            return status
    if not options.dry_run:
        write_final(options)
    return 0


def commands_of(options: argparse.Namespace, number: int) -> tuple[list[str], list[str]]:
    """Arguments of `udsd-train` that train the run of that number, from 1, and that export its model."""
    run_folder = options.output / str(number)
    chain = CHAINS[options.model]
    train = ["--recipe", options.model, "--output", str(run_folder), "--resume"]
    for source in sources(options, chain[number - 1].images):
        train += ["--sharp", str(source)]
    if number > 1:
        train += ["--init", str(model_folder(options, number - 1))]
    elif options.model in ("text", "face-small"):
        train += ["--init", options.init]
    elif options.model == "plate":
        train += ["--init", "text"]
    if chain[number - 1].teacher:
        train += ["--teacher", options.teacher or chain[number - 1].teacher]
    if options.vgg_weights:
        train += ["--vgg-weights", options.vgg_weights]
    for setting in settings_of(options, number):
        train += ["--set", setting]
    return train, ["export", str(run_folder), "-o", str(model_folder(options, number))]


def settings_of(options: argparse.Namespace, number: int) -> list[str]:
    own = CHAINS[options.model][number - 1].settings
    return [*(f"{name}={value}" for name, value in own.items()), *options.set]


def sources(options: argparse.Namespace, images: Literal["all", "odd", "even"]) -> list[Path]:
    return options.sharp if images == "all" else [options.output / f"{images}.txt"]


def model_folder(options: argparse.Namespace, number: int) -> Path:
    return options.output / "models" / str(number)  # type: ignore[no-any-return]


def write_lists(options: argparse.Namespace) -> None:
    """List every second image: the odd and the even ones, counted from 1."""
    images = [path.resolve() for folder in options.sharp for path in find_images(folder)]
    options.output.mkdir(parents=True, exist_ok=True)
    for name, half in (("odd", images[0::2]), ("even", images[1::2])):
        (options.output / f"{name}.txt").write_text("\n".join(map(str, half)), encoding="utf-8")


def is_finished(options: argparse.Namespace, number: int) -> bool:
    """Whether a run has all its steps; `udsd-train` also ends well when it is asked to stop."""
    overrides: dict[str, dict[str, Any]] = {}
    for setting in settings_of(options, number):
        section, key, value = parse_setting(setting)
        overrides.setdefault(section, {})[key] = value
    recipe = Path(str(files("udsd.training") / "recipes" / f"{options.model}.toml"))
    steps = TrainingConfig.from_toml(recipe, overrides).total_steps
    checkpoints = find_checkpoints(options.output / str(number))
    return bool(checkpoints) and int(checkpoints[-1].stem.rpartition("-")[2]) >= steps


def write_final(options: argparse.Namespace) -> None:
    count = len(CHAINS[options.model])
    model = load_model(str(model_folder(options, count)))
    target = options.output / "models" / "final"
    save_model(model, target)
    print(f"{target}: load it with Deblurrer.from_pretrained({str(target)!r})")


if __name__ == "__main__":
    sys.exit(main())
