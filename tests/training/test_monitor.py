from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from udsd.errors import UdsdError
from udsd.images import side_by_side
from udsd.models import DeblurModel
from udsd.training.config import TrainingConfig
from udsd.training.data import UnpairedCrops
from udsd.training.monitor import LossLog, SampleGrid


def losses(**values: float) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(value) for name, value in values.items()}


def test_means_since_the_last_line_are_written(tmp_path: Path) -> None:
    path = tmp_path / "run" / "losses.csv"
    log = LossLog(path, resume_at=0)
    log.add(losses(cycle=1.0))
    log.add(losses(cycle=3.0, kl=10.0))
    assert log.write(2) == {"cycle": 2.0, "kl": 10.0}
    log.add(losses(cycle=5.0))
    assert log.write(3) == {"cycle": 5.0}
    assert path.read_text().splitlines() == ["step,loss,value", "2,cycle,2", "2,kl,10", "3,cycle,5"]


def test_nothing_is_written_without_steps(tmp_path: Path) -> None:
    log = LossLog(tmp_path / "losses.csv", resume_at=0)
    assert log.write(5) == {}
    assert (tmp_path / "losses.csv").read_text().splitlines() == ["step,loss,value"]


def test_lines_behind_the_step_of_the_resume_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    path.write_text("step,loss,value\n5,kl,1\n10,kl,2\n15,kl,3\n")
    LossLog(path, resume_at=10)
    assert path.read_text().splitlines() == ["step,loss,value", "5,kl,1", "10,kl,2"]
    assert [file.name for file in tmp_path.iterdir()] == ["losses.csv"]


def test_a_new_run_begins_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    path.write_text("step,loss,value\n5,kl,1\n")
    LossLog(path, resume_at=0)
    assert path.read_text().splitlines() == ["step,loss,value"]


@pytest.mark.parametrize("torn", ["10", "10,ky", "", "\n\n", "\0\0\0\0", "x,kl,3"])
def test_a_line_torn_by_a_crash_is_left_out(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "losses.csv"
    path.write_text(f"step,loss,value\n5,kl,1\n{torn}")
    LossLog(path, resume_at=20)
    assert path.read_text().splitlines() == ["step,loss,value", "5,kl,1"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_named(tmp_path: Path, value: float) -> None:
    log = LossLog(tmp_path / "losses.csv", resume_at=0)
    log.add(losses(cycle=1.0, kl=2.0))
    log.add(losses(cycle=1.0, kl=value))
    with pytest.raises(UdsdError, match=f"the kl loss is {value} at step 2; resume from the last checkpoint"):
        log.write(2)
    assert (tmp_path / "losses.csv").read_text().splitlines() == ["step,loss,value"]


def make_grid(config: TrainingConfig, folder: Path) -> SampleGrid:
    crops = UnpairedCrops(config.data, config.blur, np.random.default_rng(7))
    return SampleGrid(crops, config.run.seed, folder)


def test_samples_show_blurred_restored_and_sharp_beside_each_other(
    tmp_path: Path, make_config: Callable[..., TrainingConfig], model: DeblurModel
) -> None:
    grid = make_grid(make_config(), tmp_path / "samples")
    path = grid.write(model, 12, torch.device("cpu"))
    assert path == tmp_path / "samples" / "00000012.png"
    blank = side_by_side([Image.new("RGB", (32, 32))] * 6, ["blurred", "restored", "sharp"] * 2, columns=3)
    with Image.open(path) as sheet:
        assert sheet.size == blank.size
        columns = [sheet.crop((sheet.width * k // 3, 0, sheet.width * (k + 1) // 3, sheet.height)) for k in range(3)]
    assert len({column.tobytes() for column in columns}) == 3


def test_samples_do_not_change_over_time_but_by_the_model(
    tmp_path: Path, make_config: Callable[..., TrainingConfig], model: DeblurModel
) -> None:
    pictures = [
        make_grid(make_config(), tmp_path / name).write(model, step, torch.device("cpu")).read_bytes()
        for name, step in (("a", 1), ("b", 2))
    ]
    assert pictures[0] == pictures[1]
    torch.nn.init.constant_(model.generator.to_image.bias, 3.0)  # type: ignore[arg-type]
    changed = make_grid(make_config(), tmp_path / "c").write(model, 3, torch.device("cpu")).read_bytes()
    assert changed != pictures[0]


def test_a_grid_shows_at_most_four_crops(
    tmp_path: Path, make_config: Callable[..., TrainingConfig], model: DeblurModel
) -> None:
    path = make_grid(make_config(data={"batch_size": 9}), tmp_path).write(model, 1, torch.device("cpu"))
    blank = side_by_side([Image.new("RGB", (32, 32))] * 12, ["blurred", "restored", "sharp"] * 4, columns=3)
    with Image.open(path) as sheet:
        assert sheet.size == blank.size
