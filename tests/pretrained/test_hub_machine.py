"""Fetching in processes of their own: a cache that is read-only or on a full disk, two at once, the environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from udsd.pretrained.hub import HubOptions, fetch_model_folder

REPO = "acme/plates"
WEIGHTS = "model.safetensors"

UDSD = "import sys; from udsd.cli import main; sys.exit(main(sys.argv[1:]))"

LIMITED = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
{UDSD}
"""

# Root obeys permissions after the next exec: PR_CAPBSET_DROP, CAP_DAC_OVERRIDE. For others the call fails, as it may.
OBEDIENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 1)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def start(*arguments: object, programs: tuple[str, ...] = (UDSD,), **variables: str) -> subprocess.Popen[str]:
    words = [word for program in programs for word in ("-c", program)]
    return subprocess.Popen(
        [sys.executable, *words, *map(str, arguments)],
        env={**os.environ, "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out, err


def write_protected(folder: Path) -> list[Path]:
    """Take the right to write from a folder and all below it; the paths whose right was taken."""
    paths = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in paths:
        path.chmod(0o555)
    return paths


def test_read_only_cache_serves_what_it_holds(hub: Any, model_folder: Path, tmp_path: Path, as_documented: Any) -> None:
    hub.publish(REPO, model_folder)
    hub.publish("acme/held", model_folder)
    cache = tmp_path / "cache"
    fetch_model_folder("acme/held", HubOptions(cache_dir=cache))
    protected = write_protected(cache)
    try:
        held = finish(start("download", "acme/held", "--cache-dir", cache, programs=(OBEDIENT, UDSD)))
        other = finish(start("download", REPO, "--cache-dir", cache, programs=(OBEDIENT, UDSD)))
    finally:
        for path in protected:
            path.chmod(0o755)
    assert (held[0], held[2]) == (0, "")
    assert other[0] == 2
    assert as_documented(other[2].strip().removeprefix("udsd: "), CACHE=cache) == (
        "cannot download config.json of acme/plates: the cache cannot be written "
        "(Permission denied: CACHE/models--acme--plates); check its permissions, give another cache_dir or set HF_HOME"
    )


def test_full_disk(hub: Any, model_folder: Path, tmp_path: Path, as_documented: Any) -> None:
    hub.publish(REPO, model_folder)
    assert (model_folder / WEIGHTS).stat().st_size > 20_000
    cache = tmp_path / "cache"
    status, out, err = finish(start("download", REPO, "--cache-dir", cache, programs=(LIMITED,)))
    assert (status, out) == (2, "")
    assert "File too large" in err
    assert as_documented(err.splitlines()[-1].removeprefix("udsd: ")) == (
        "cannot download model.safetensors of acme/plates: the disk of the cache is full (REASON); "
        "free some space, give another cache_dir or set HF_HOME"
    )
    assert list(cache.rglob("*.incomplete")) == []
    assert fetch_model_folder(REPO, HubOptions(cache_dir=cache)).is_dir()


def test_two_processes_fetch_once(hub: Any, model_folder: Path, tmp_path: Path) -> None:
    hub.publish(REPO, model_folder)
    hub.fault("hold")
    both = [start("download", REPO, "--cache-dir", tmp_path / "cache") for _ in range(2)]
    # The first one to come holds the lock until the other has asked for the weights too.
    wait_until(lambda: sum(asked.method == "HEAD" and WEIGHTS in asked.path for asked in hub.requests) == 2)
    hub.released.set()
    assert [finish(process)[0] for process in both] == [0, 0]
    assert hub.downloads(WEIGHTS) == 1


def test_killed_download_leaves_nothing_in_the_way(hub: Any, model_folder: Path, tmp_path: Path) -> None:
    """huggingface_hub does not take up what another process began: the file is fetched from its beginning."""
    hub.publish(REPO, model_folder)
    hub.fault("hold")
    killed = start("download", REPO, "--cache-dir", tmp_path / "cache")
    wait_until(lambda: hub.downloads(WEIGHTS) == 1)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    hub.released.set()
    assert fetch_model_folder(REPO, HubOptions(cache_dir=tmp_path / "cache")).is_dir()
    assert [asked.range for asked in hub.requests if asked.method == "GET"] == ["", "", ""]


def test_offline_variable(hub: Any, model_folder: Path, tmp_path: Path) -> None:
    hub.publish(REPO, model_folder)
    arguments = ("download", REPO, "--cache-dir", tmp_path / "cache")
    status, _, err = finish(start(*arguments, HF_HUB_OFFLINE="1"))
    assert (status, err.count("\n")) == (2, 1)
    assert "is not in the cache and downloading is off" in err
    assert hub.requests == []
    folder = fetch_model_folder(REPO, HubOptions(cache_dir=tmp_path / "cache"))
    asked = len(hub.requests)
    assert finish(start(*arguments, HF_HUB_OFFLINE="1")) == (0, f"{folder}  0.1 MB\n", "")
    assert len(hub.requests) == asked


def wait_until(reached: Any) -> None:
    for _ in range(1000):
        if reached():
            return
        threading.Event().wait(0.03)
    pytest.fail("it did not happen within 30 s")
