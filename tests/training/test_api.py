from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

import udsd.training
from tests.runs import TINY, assert_same, newest
from udsd import ConfigError, Deblurrer, ImageError
from udsd.training import TrainedRun, TrainingConfig, TrainingUpdate, export, train
from udsd.training.given_images import place_images
from udsd.training.lock import only_trainer

SETTINGS = {f"{section}.{name}": value for section, values in TINY.items() for name, value in values.items()}


def noise(seed: int, size: int = 40) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8))


def placed(run: Path) -> list[int]:
    """The numbers of images in memory that a run has kept, of each call by itself."""
    return [len(list(folder.iterdir())) for folder in (run / "images").iterdir()]


class Numbered(Dataset[tuple[Tensor, int]]):
    """A dataset as those of torchvision: items by number, each a tensor and a label; no iterator of its own."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        return torch.from_numpy(np.asarray(noise(number)).copy()).permute(2, 0, 1) / 255, 7


def test_a_model_is_trained_and_exported_in_two_calls(pages: Path, tmp_path: Path) -> None:
    run = train(pages, tmp_path / "run", recipe="paper", settings=SETTINGS, device="cpu")
    assert isinstance(run, TrainedRun)
    assert run.step == run.config.total_steps == 4
    export(tmp_path / "run", tmp_path / "model")
    assert Deblurrer.from_pretrained(str(tmp_path / "model")).deblur(noise(0)).size == (40, 40)


@pytest.mark.parametrize("kind", ["pillow", "arrays", "tensors", "generator", "dataset", "files"])
def test_the_same_images_give_the_same_model_however_they_come(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(4):
        noise(number).save(folder / f"{number}.png")
    images: dict[str, Any] = {
        "pillow": [noise(number) for number in range(4)],
        "arrays": [np.asarray(noise(number)) for number in range(4)],
        "tensors": [tensor for tensor, _ in (Numbered()[number] for number in range(4))],
        "generator": (noise(number) for number in range(4)),
        "dataset": Numbered(),
        "files": sorted(folder.iterdir()),
    }
    expected = train(str(folder), tmp_path / "expected", recipe="paper", settings=SETTINGS)
    found = train(images[kind], tmp_path / "found", recipe="paper", settings=SETTINGS)
    assert_same(dict(found.networks.state_dict()), dict(expected.networks.state_dict()))


def test_images_in_memory_are_there_when_the_run_goes_on(tmp_path: Path) -> None:
    images = [noise(number) for number in range(4)]
    whole = train(images, tmp_path / "whole", recipe="paper", settings=SETTINGS, blurred=[noise(8), noise(9)])
    stop_at_two = {"callback": lambda update: update.step == 2}
    train(images, tmp_path / "run", recipe="paper", settings=SETTINGS, blurred=[noise(8), noise(9)], **stop_at_two)
    assert newest(tmp_path / "run")["step"] == 2
    run = train(None, tmp_path / "run", resume=True)
    assert_same(dict(run.networks.state_dict()), dict(whole.networks.state_dict()))

    def never() -> Iterator[Image.Image]:
        raise AssertionError("asked for images that are there")
        yield

    train(never(), tmp_path / "run", settings=SETTINGS, resume=True)


def test_the_callback_is_told_losses_and_scores_and_can_stop_the_run(tmp_path: Path) -> None:
    told: list[TrainingUpdate] = []

    def callback(update: TrainingUpdate) -> bool:
        told.append(update)
        return update.step == 3

    settings = {**SETTINGS, "run.validate_every": 2}
    pairs = ([noise(5)], [noise(6)])
    run = train(
        [noise(n) for n in range(4)],
        tmp_path,
        recipe="paper",
        settings=settings,
        validation_pairs=pairs,
        callback=callback,
    )
    assert [(update.step, update.stage) for update in told] == [
        (0, "warm start"),
        (1, "warm start"),
        (2, "warm start"),
        (3, "unpaired"),
    ]
    assert [set(update.scores) for update in told] == [
        {"validation_pairs_psnr", "validation_pairs_ssim"},
        set(),
        {"validation_pairs_psnr", "validation_pairs_ssim"},
        set(),
    ]
    assert not told[0].losses
    assert "cycle_sharp" in told[3].losses
    assert all(update.total_steps == 4 for update in told)
    assert newest(tmp_path)["step"] == 3
    assert run.scores.name == "validation_pairs_psnr"


def test_what_a_callback_raises_comes_as_it_is(pages: Path, tmp_path: Path) -> None:
    def callback(update: TrainingUpdate) -> bool:
        raise ConnectionRefusedError("nobody listens")  # an OSError, as that of a full disk is

    with pytest.raises(ConnectionRefusedError, match="nobody listens"):
        train(pages, tmp_path, recipe="paper", settings=SETTINGS, callback=callback)


def test_a_thread_can_train(pages: Path, tmp_path: Path) -> None:
    done: list[TrainedRun] = []
    thread = threading.Thread(
        target=lambda: done.append(train(pages, tmp_path / "thread", recipe="paper", settings=SETTINGS))
    )
    thread.start()
    thread.join()
    (run,) = done
    expected = train(pages, tmp_path / "main", recipe="paper", settings=SETTINGS)
    assert_same(dict(run.networks.state_dict()), dict(expected.networks.state_dict()))


def test_a_configuration_is_a_recipe(pages: Path, tmp_path: Path) -> None:
    config = TrainingConfig.from_dict(TINY)
    run = train(pages, tmp_path / "run", recipe=config, settings={"run.seed": 5})
    assert (run.config.run.seed, run.config.model) == (5, config.model)
    assert run.config.data.sharp == (str(pages),)


def test_a_run_is_overwritten_only_if_it_is_asked_for(tmp_path: Path) -> None:
    train([noise(n) for n in range(5)], tmp_path, recipe="paper", settings=SETTINGS)
    with pytest.raises(ConfigError, match="holds a run already; give resume=True or overwrite=True"):
        train([noise(0)], tmp_path, recipe="paper", settings=SETTINGS)
    train([noise(n) for n in range(2)], tmp_path, recipe="paper", settings=SETTINGS, overwrite=True)
    assert placed(tmp_path) == [2]


def test_overwriting_that_fails_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    whole = train([noise(n) for n in range(4)], tmp_path / "whole", recipe="paper", settings=SETTINGS)
    given = {"recipe": "paper", "settings": SETTINGS}
    train([noise(n) for n in range(4)], tmp_path / "run", callback=lambda update: update.step == 2, **given)
    others = [noise(n) for n in range(10, 13)]
    with pytest.raises(ImageError):
        train(tmp_path / "nowhere", tmp_path / "run", overwrite=True, **given)
    with pytest.raises(ConfigError, match="unknown setting"):
        train(others, tmp_path / "run", recipe="paper", settings={"warm_start.step": 2}, overwrite=True)
    with only_trainer(tmp_path / "run"), pytest.raises(ConfigError, match="in use by another training"):
        train(others, tmp_path / "run", overwrite=True, **given)
    run = train(None, tmp_path / "run", resume=True)
    assert_same(dict(run.networks.state_dict()), dict(whole.networks.state_dict()))


def test_images_of_an_attempt_that_failed_are_not_trained_on(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown setting"):
        train([noise(n) for n in range(6)], tmp_path, recipe="paper", settings={"warm_start.step": 2})

    def interrupted() -> Iterator[Image.Image]:
        yield noise(9)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(interrupted(), tmp_path, recipe="paper", settings=SETTINGS, resume=True)
    run = train((noise(n) for n in range(4)), tmp_path, recipe="paper", settings=SETTINGS, resume=True)
    assert run.step == 4
    assert placed(tmp_path) == [4]


def test_a_run_that_is_moved_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stop_at_two = {"callback": lambda update: update.step == 2}
    train([noise(n) for n in range(4)], "run", recipe="paper", settings=SETTINGS, **stop_at_two)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").rename(tmp_path / "elsewhere" / "moved")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert train(None, "moved", resume=True).step == 4


@pytest.mark.parametrize("budget", ["8min", True, float("nan"), -1])
def test_a_budget_is_a_number_of_seconds(budget: Any, pages: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give a time in seconds"):
        train(pages, tmp_path / "run", budget=budget)
    assert not (tmp_path / "run").exists()


def test_names_that_no_text_file_can_hold_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    noise(0).save(folder / "a.png")
    for recipe in ("paper", None, TrainingConfig.from_dict(TINY)):
        for sharp in (folder, [folder / "a.png"]):
            with pytest.raises(ConfigError, match=r"caf\\udce9.* is not UTF-8"):
                train(sharp, tmp_path / "run", recipe=recipe)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "there are no sharp images"),
        (["a", noise(0)], "paths and images at once"),
        ([noise(0), "a"], "paths and images at once"),
        ([noise(0), "a", 3], "paths and images at once"),
        ([3], "sharp image 0: int is not taken as an image"),
        ([torch.zeros(2, 3, 8, 8)], "sharp image 0: is a batch of 2"),
        ([noise(0), np.zeros((4, 4), np.int64)], "sharp image 1: arrays of int64 are not taken"),
        (7, "int is not taken as images"),
    ],
)
def test_what_is_no_image_is_named(images: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=message):
        place_images(images, tmp_path, "sharp")


def test_bad_settings_are_named(pages: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give SECTION\.KEY"):
        train(pages, tmp_path / "run", settings={"steps": 3})
    with pytest.raises(ConfigError, match=r"unknown setting warm_start\.step"):
        train(pages, tmp_path / "run", settings={"warm_start.step": 3})
    with pytest.raises(ConfigError, match="missing holds no run to go on with"):
        train(None, tmp_path / "missing", resume=True)
    with pytest.raises(ConfigError, match="there are no images"):
        train(None, tmp_path / "run", settings=SETTINGS)
    with pytest.raises(ConfigError, match="neither two folders nor images"):
        train(pages, tmp_path / "run", validation_pairs=(sorted(pages.iterdir()), pages))


def test_the_room_offers_what_it_says() -> None:
    for name in udsd.training.__all__:
        assert getattr(udsd.training, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nonesuch'"):
        udsd.training.nonesuch  # noqa: B018
