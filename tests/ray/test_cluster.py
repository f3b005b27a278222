"""On a cluster of two workers on this machine, in a process of its own, for Ray has warnings of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra ray"),
    pytest.mark.skipif(os.name != "posix", reason="needs signals"),
]

SCRIPT = """
import json, os, signal, sys, threading, time
from pathlib import Path

import ray
import torch

from udsd.domains import Restoration
from udsd.ray import BytesRestorer, count_rows, restore_files

folder = Path(sys.argv[1])
workers, killed = folder / "workers", folder / "killed"
workers.mkdir()

class Brighter:
    device = torch.device("cpu")

    def __init__(self):
        (workers / str(os.getpid())).touch()

    def restore_decoded(self, images, options=None, on_progress=None):
        # Both work on it, and one is killed before the end, however slow the machine is.
        while len(list(workers.iterdir())) < 2 or (len(identities()) >= 6 and not killed.exists()):
            time.sleep(0.01)
        return [Restoration(image.pixels + 0.1) for image in images]

def identities():
    found = (path for path in (folder / "out").rglob("*.png") if not path.name.startswith("."))
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}

told = {}

def kill_one():
    while len(identities()) < 6 or len(list(workers.iterdir())) < 2:
        time.sleep(0.01)
    os.kill(int(sorted(workers.iterdir())[0].name), signal.SIGKILL)
    time.sleep(1)
    told["before"] = identities()
    killed.touch()

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
killer = threading.Thread(target=kill_one)
killer.start()
rows = restore_files(str(folder / "in"), str(folder / "out"), model=Brighter, workers=2, files_together=5)
killer.join()
told["counts"] = count_rows(rows)
told["failed"] = [row for row in rows.take_all() if row["status"] == "failed"]
told["sources"] = sorted(row["source"] for row in rows.take_all())
told["workers"] = len(list(workers.iterdir()))
told["after"] = identities()
again = restore_files(str(folder / "in"), str(folder / "out"), model=Brighter, workers=1)
told["again"] = count_rows(again)
told["unchanged"] = identities() == told["after"]
files = ray.data.read_binary_files(str(folder / "in" / "0"), include_paths=True)
restored = files.map_batches(
    BytesRestorer,
    batch_size=4,
    compute=ray.data.ActorPoolStrategy(size=1),
    fn_constructor_kwargs={"model": Brighter},
)
told["bytes"] = {row["path"]: row["bytes"] == (folder / "out" / "0" / Path(row["path"]).name).read_bytes()
                 for row in restored.take_all()}
(folder / "told.json").write_text(json.dumps(told))
"""


@pytest.mark.slow
def test_two_workers_of_which_one_is_killed_restore_every_file_once(tmp_path: Path) -> None:
    for index in range(40):
        path = tmp_path / "in" / f"{index % 2}" / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (60, 40), index).save(path)
    (tmp_path / "in" / "bad.png").write_bytes(b"no image")
    (tmp_path / "script.py").write_text(SCRIPT)
    # Ray gives its workers the least of a busy machine, on which the test would take minutes.
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "RAY_worker_niceness": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", tmp_path],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads((tmp_path / "told.json").read_text())
    assert told["counts"] == {"restored": 40, "failed": 1}
    assert told["workers"] >= 2
    assert told["sources"] == sorted(str(path) for path in (tmp_path / "in").rglob("*.png"))
    assert [row["reason"].partition(";")[0] for row in told["failed"]] == [
        f"{tmp_path / 'in' / 'bad.png'}: not an image that can be read here"
    ]
    assert len(told["after"]) == 40
    assert 6 <= len(told["before"]) < 40
    assert {name: told["after"][name] for name in told["before"]} == told["before"]
    assert told["again"] == {"kept": 40, "failed": 1}
    assert told["unchanged"]
    assert len(told["bytes"]) == 20
    assert set(told["bytes"].values()) == {True}
    for path in (tmp_path / "out").rglob("*"):
        assert not path.name.startswith(".")
        if path.is_file():
            with Image.open(path) as image:
                image.load()
