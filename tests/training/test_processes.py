from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.runs import TINY, assert_same, merged, to_toml
from udsd.models import DeblurModel, ModelConfig
from udsd.pretrained import save_model
from udsd.training.checkpoint import find_checkpoints, load_newest_checkpoint
from udsd.training.processes import Processes

SETTINGS = merged(
    TINY,
    {
        "data": {"batch_size": 4},
        "objective": {"replay_pool": 3},
        "warm_start": {"steps": 3},
        "unpaired": {"steps": 3, "decay_steps": 0},
        "run": {"checkpoint_every": 2, "keep_checkpoints": 9},
    },
)

TOGETHER = """
import sys, torch
from udsd.training.processes import Processes

processes = Processes(torch.device("cpu"))
assert processes.count == 2 and processes.is_main == (processes.index == 0)
weights = [torch.nn.Parameter(torch.zeros(shape)) for shape in ((2, 3), (4, 2, 3, 3), (1,))]
filled = torch.arange(72.0).reshape(4, 2, 3, 3)
weights[0].grad = torch.full((2, 3), float(processes.index))
weights[1].grad = (filled * (1 + 2 * processes.index)).to(memory_format=torch.channels_last)
processes.average_gradients(weights)
assert torch.equal(weights[0].grad, torch.full((2, 3), 0.5)), weights[0].grad
assert torch.equal(weights[1].grad, filled * 2), weights[1].grad
assert weights[1].grad.is_contiguous(memory_format=torch.channels_last)
assert weights[2].grad is None
assert processes.mean(torch.tensor([processes.index * 4.0])).item() == 2
assert processes.gather({"number": processes.index}) == [{"number": 0}, {"number": 1}]
assert processes.of_main(processes.index) == 0
assert processes.any(processes.index == 1) and not processes.any(False)
processes.part()
"""


FROM_PYTHON = """
import sys
from udsd.training import train

recipe, pages, output = sys.argv[1:]
print(f"step {train(pages, output, recipe=recipe, device='cpu').step}", flush=True)
"""


UNEVEN = """
import os, sys, time
from udsd.cli.train import main

began, clock = time.monotonic(), time.monotonic
if os.environ["RANK"] == "1":
    time.monotonic = lambda: began + 1.5 * (clock() - began)
sys.exit(main(sys.argv[1:]))
"""
"""Trains in processes of which the second has a clock that is too fast."""


def launch(arguments: Sequence[str], processes: int = 2) -> subprocess.CompletedProcess[str]:
    """Run a program in several processes on the CPU, where ``accelerate launch`` without MPI starts only one."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([*launcher, *arguments], env=environment, capture_output=True, text=True, check=False)


def train(folder: Path, pages: Path, *more: str, processes: int = 2) -> subprocess.CompletedProcess[str]:
    recipe = folder.parent / "recipe.toml"
    recipe.write_text(to_toml(SETTINGS))
    arguments = ["--recipe", str(recipe), "--sharp", str(pages), "--output", str(folder), "--device", "cpu", *more]
    return launch(["-m", "udsd.training", *arguments], processes)


def test_one_process_leaves_everything_as_it_is() -> None:
    processes = Processes(torch.device("cpu"))
    weight = torch.nn.Parameter(torch.zeros(3))
    weight.grad = torch.arange(3.0)
    processes.average_gradients([weight])
    assert torch.equal(weight.grad, torch.arange(3.0))
    assert (processes.count, processes.index, processes.is_main) == (1, 0, True)
    assert processes.gather("mine") == ["mine"]
    assert processes.of_main("mine") == "mine"
    assert processes.any(True) is True
    assert processes.any(False) is False


@pytest.mark.slow
def test_processes_average_gather_and_agree(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    done = launch([str(script)])
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_two_processes_train_one_model_and_resume_exactly(pages: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    done = train(whole, pages)
    assert done.returncode == 0, done.stderr
    state = load_newest_checkpoint(whole)
    assert state is not None
    assert state["step"] == 6
    assert len(state["random"]) == 2
    assert not torch.equal(state["random"][0]["cpu"], state["random"][1]["cpu"])
    with (whole / "losses.csv").open() as file:
        assert {int(row["step"]) for row in csv.DictReader(file)} == {1, 2, 3, 4, 5, 6}

    half = tmp_path / "half"
    half.mkdir()
    shutil.copy(find_checkpoints(whole)[1], half)
    alone = train(half, pages, "--resume", processes=1)
    assert alone.returncode != 0
    assert "has 2 process(es), not 1; start as many" in alone.stderr
    assert [path.name for path in find_checkpoints(half)] == ["checkpoint-00000004.pt"]

    done = train(half, pages, "--resume")
    assert done.returncode == 0, done.stderr
    resumed = load_newest_checkpoint(half)
    assert resumed is not None
    assert_same(resumed["networks"], state["networks"])
    assert_same(resumed["pools"], state["pools"])
    assert not torch.equal(state["pools"][0][0]["images"], state["pools"][1][0]["images"])


@pytest.mark.slow
def test_each_process_of_a_script_gets_the_run_when_it_is_written(pages: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(to_toml(SETTINGS))
    script = tmp_path / "script.py"
    script.write_text(FROM_PYTHON)
    done = launch([str(script), str(tmp_path / "recipe.toml"), str(pages), str(tmp_path / "run")])
    assert done.returncode == 0, done.stderr
    assert sorted(line for line in done.stdout.splitlines() if line) == ["step 6", "step 6"]


@pytest.mark.slow
def test_processes_do_not_learn_a_blur_together(pages: Path, tmp_path: Path) -> None:
    arguments = ["--sharp", str(pages), "--blurred", str(pages), "--output", str(tmp_path / "run"), "--init", ""]
    done = launch(["-m", "udsd.training", *arguments, "--device", "cpu", "--set", "warm_start.steps=2"])
    assert done.returncode != 0
    assert "several processes cannot learn a blur together; learn it first (udsd-train blur" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_processes_with_a_budget_take_as_many_steps_at_one_scale(pages: Path, tmp_path: Path) -> None:
    model = DeblurModel(ModelConfig(base_width=4, residual_blocks=1, residual_output=True))
    save_model(model, tmp_path / "model")
    (tmp_path / "train.py").write_text(UNEVEN)
    settings = ["data.crop_size=32", "data.batch_size=2", "data.minimum_contrast=0", "data.workers=0"]
    arguments = ["--sharp", str(pages), "--output", str(tmp_path / "run"), "--init", str(tmp_path / "model")]
    arguments += ["--device", "cpu", "--budget", "12s", *(word for one in settings for word in ("--set", one))]
    done = launch([str(tmp_path / "train.py"), *arguments])
    assert done.returncode == 0, done.stderr
    state = load_newest_checkpoint(tmp_path / "run")
    assert state is not None
    assert state["step"] == state["config"]["warm_start"]["steps"] >= 20
    # Otherwise the one with more would have waited for the other for ever, or met it in another operation.
    assert len(state["random"]) == 2
