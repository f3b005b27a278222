from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from udsd.errors import UdsdError
from udsd.images import side_by_side
from udsd.training.monitor import LossLog, RunningMeans, SampleGrid
from udsd.training.processes import Processes


def losses(**values: float) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(value) for name, value in values.items()}


@pytest.fixture
def means() -> RunningMeans:
    return RunningMeans(Processes(torch.device("cpu")))


def write(folder: Path, *rows: tuple[int, dict[str, float]], resume_at: int = 0) -> list[str]:
    with LossLog(folder, resume_at) as log:
        for step, values in rows:
            log.write(step, values)
    return (folder / "losses.csv").read_text().splitlines()


def test_means_are_of_the_steps_since_the_last_time(means: RunningMeans) -> None:
    means.add(losses(cycle=1.0))
    means.add(losses(cycle=3.0, kl=10.0))
    assert means.take(2) == {"cycle": 2.0, "kl": 10.0}
    means.add(losses(cycle=5.0))
    assert means.take(3) == {"cycle": 5.0}
    assert means.take(3) == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_named(means: RunningMeans, value: float) -> None:
    means.add(losses(cycle=1.0, kl=2.0))
    means.add(losses(cycle=1.0, kl=value))
    with pytest.raises(UdsdError, match=f"the kl loss is {value} at step 2; resume from the last checkpoint"):
        means.take(2)


def test_values_are_written_as_csv(tmp_path: Path) -> None:
    lines = write(tmp_path / "run", (2, {"cycle": 2.0, "kl": 10.0}), (3, {"cycle": 5.0}), (5, {}))
    assert lines == ["step,loss,value", "2,cycle,2", "2,kl,10", "3,cycle,5"]


def test_lines_behind_the_step_of_the_resume_are_cut(tmp_path: Path) -> None:
    (tmp_path / "losses.csv").write_text("step,loss,value\n5,kl,1\n10,kl,2\n15,kl,3\n")
    assert write(tmp_path, resume_at=10) == ["step,loss,value", "5,kl,1", "10,kl,2"]
    assert {file.name for file in tmp_path.iterdir()} == {"losses.csv", "tensorboard"}


def test_a_new_run_begins_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "losses.csv").write_text("step,loss,value\n0,validation_psnr,9\n5,kl,1\n")
    assert write(tmp_path) == ["step,loss,value"]


@pytest.mark.parametrize("torn", ["10", "10,ky", "", "\n\n", "\0\0\0\0", "x,kl,3"])
def test_a_line_torn_by_a_crash_is_left_out(tmp_path: Path, torn: str) -> None:
    (tmp_path / "losses.csv").write_text(f"step,loss,value\n5,kl,1\n{torn}")
    assert write(tmp_path, resume_at=20) == ["step,loss,value", "5,kl,1"]


def test_tensorboard_shows_the_same_and_forgets_what_is_computed_again(tmp_path: Path) -> None:
    write(tmp_path, (10, {"cycle": 3.0}), (20, {"cycle": 2.0}), (30, {"cycle": 9.0, "validation_psnr": 20.5}))
    (first,) = (tmp_path / "tensorboard").iterdir()
    first.rename(first.with_name(_a_second_earlier(first.name)))  # TensorBoard orders its files by their second
    write(tmp_path, (30, {"cycle": 1.0}), resume_at=20)
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in board.Scalars("cycle")] == [(10, 3.0), (20, 2.0), (30, 1.0)]
    assert "validation/psnr" in board.Tags()["scalars"]


def test_tensorboard_shows_pictures_and_learning_rates_that_the_csv_has_not(tmp_path: Path) -> None:
    picture = tmp_path / "grid.png"
    Image.new("RGB", (30, 20), (200, 100, 50)).save(picture)
    with LossLog(tmp_path, 0) as log:
        log.show(5, {"warm_start": 1e-3})
        log.show_picture(5, picture)
    assert (tmp_path / "losses.csv").read_text().splitlines() == ["step,loss,value"]
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    ((rate),) = board.Scalars("learning_rate/warm_start")
    assert (rate.step, rate.value) == (5, pytest.approx(1e-3))
    (shown,) = board.Images("samples")
    assert shown.step == 5
    with Image.open(BytesIO(shown.encoded_image_string)) as image:
        assert image.convert("RGB").getpixel((15, 10)) == (200, 100, 50)


def test_without_tensorboard_the_csv_is_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    caplog.set_level("INFO")
    assert write(tmp_path, (1, {"kl": 1.0})) == ["step,loss,value", "1,kl,1"]
    assert "TensorBoard is not installed" in caplog.text
    assert [file.name for file in tmp_path.iterdir()] == ["losses.csv"]


def test_a_grid_has_a_column_for_each_batch_and_four_rows_at_most(tmp_path: Path) -> None:
    levels = {"first": -1.0, "second": 0.0, "third": 1.0}
    columns = {name: torch.full((9, 3, 32, 32), level) for name, level in levels.items()}
    path = SampleGrid(tmp_path / "samples").write(columns, 12)
    assert path == tmp_path / "samples" / "00000012.png"
    tiles = [Image.new("RGB", (32, 32), colour) for _ in range(4) for colour in ("black", (128,) * 3, "white")]
    with Image.open(path) as sheet:
        assert sheet.tobytes() == side_by_side(tiles, [*levels] * 4, columns=3).tobytes()


def _a_second_earlier(name: str) -> str:
    """The name of a file of events, which has the second of its beginning as ``events.out.tfevents.SECOND.``"""
    *words, second, rest = name.split(".", 4)
    return ".".join([*words, f"{int(second) - 1:010d}", rest])
