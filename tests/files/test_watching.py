from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from udsd.errors import ConfigError, ImageError
from udsd.files import FileResult, FolderWatch
from udsd.files import arrivals as arrivals_module

pytest.importorskip("watchdog")

SETTLE = 0.1


class Watching:
    """A watch that runs in a thread of its own."""

    def __init__(
        self,
        restorer: Any,
        folder: Path,
        output: Path,
        rescan: float = 60,
        other_results: Path | None = None,
        **keywords: Any,
    ) -> None:
        self.results: list[FileResult] = []
        self.watch = FolderWatch(folder, output, settle=SETTLE, rescan=rescan, other_results=other_results)
        self._failure: list[BaseException] = []

        def run() -> None:
            try:
                self.watch.run(restorer, on_result=self.results.append, **keywords)
            except BaseException as error:
                self._failure.append(error)

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def wait_for(self, count: int) -> None:
        self.wait(lambda: len(self.results) >= count)
        time.sleep(4 * SETTLE)  # would there be one more?
        assert len(self.results) == count, self.results

    def wait(self, until: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not until() and time.monotonic() < end and self._thread.is_alive():
            time.sleep(0.01)

    def stop(self) -> None:
        self.watch.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()
        assert self._failure == []

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(result.source.name, result.status) for result in self.results]


@pytest.fixture
def watching() -> Iterator[Callable[..., Watching]]:
    started: list[Watching] = []

    def start(*arguments: Any, **keywords: Any) -> Watching:
        started.append(Watching(*arguments, **keywords))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def save(path: Path, grey: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (30, 20), grey).save(path)
    return path


def grey_of(path: Path) -> Any:
    with Image.open(path) as image:
        return image.convert("L").getpixel((0, 0))


def test_what_is_there_and_what_arrives_is_restored(brighter: Any, tmp_path: Path, watching: Any) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    save(folder / "old.png")
    save(folder / ".hidden.png")
    (folder / "notes.txt").write_text("no image")
    one = watching(brighter, folder, out)
    one.wait_for(1)
    save(folder / "new.png")
    save(folder / "sub" / "deep" / "new2.png")
    save(tmp_path / "elsewhere.png").rename(folder / "moved.png")
    save(tmp_path / "elsewhere" / "in-folder.png")
    (tmp_path / "elsewhere").rename(folder / "moved")
    one.wait_for(5)
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert found == ["moved.png", "moved/in-folder.png", "new.png", "old.png", "sub/deep/new2.png"]
    assert {status for _, status in one.told} == {"restored"}
    assert sorted(path.name for path in out.rglob(".*")) == []


def test_other_results_within_the_folder_are_not_restored(brighter: Any, tmp_path: Path, watching: Any) -> None:
    folder, crops = tmp_path / "in", tmp_path / "in" / "crops"
    save(folder / "a.png")
    one = watching(brighter, folder, tmp_path / "out", other_results=crops)
    one.wait_for(1)
    save(crops / "sub" / "a.png-face1-after.png")
    save(folder / "b.png")
    one.wait_for(2)
    assert one.told == [("a.png", "restored"), ("b.png", "restored")]


def test_what_changes_is_restored_again_and_what_was_there_is_kept(
    brighter: Any, tmp_path: Path, watching: Any
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    save(folder / "a.png")
    save(out / "a.png", 200)
    (folder / "b.png").write_bytes(save(folder / "a.png").read_bytes()[:45])
    one = watching(brighter, folder, out)
    one.wait_for(2)
    assert sorted(one.told) == [("a.png", "kept"), ("b.png", "failed")]
    assert grey_of(out / "a.png") == 200
    save(folder / "b.png")
    one.wait_for(3)
    save(folder / "a.png", 100)
    one.wait_for(4)
    assert one.told[2:] == [("b.png", "restored"), ("a.png", "restored")]
    assert 100 < grey_of(out / "a.png") < 130
    (folder / "a.png").chmod(0o600)  # another time of the file, but not of its content
    one.wait_for(4)


def test_what_arrives_before_the_system_tells_of_it_is_found(
    brighter: Any, tmp_path: Path, watching: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    observe = arrivals_module.Arrivals._observe

    def late(arrivals: arrivals_module.Arrivals) -> Any:
        save(folder / "early.png")
        return observe(arrivals)

    monkeypatch.setattr(arrivals_module.Arrivals, "_observe", late)
    one = watching(brighter, folder, out)
    one.wait_for(1)
    assert one.told == [("early.png", "restored")]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell of files that are closed")
def test_a_file_that_is_still_written_is_left_alone(brighter: Any, tmp_path: Path, watching: Any) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    content = save(tmp_path / "whole.png").read_bytes()
    folder.mkdir()
    one = watching(brighter, folder, out)
    save(folder / "first.png")
    one.wait_for(1)
    with (folder / "slow.png").open("wb") as file:
        one.wait_for(1)  # empty
        file.write(content[:45])
        file.flush()
        one.wait_for(1)  # more than the time after which a file is whole
        file.write(content[45:])
    one.wait_for(2)
    assert one.told == [("first.png", "restored"), ("slow.png", "restored")]


def test_where_the_system_tells_nothing_the_folder_is_looked_through(
    brighter: Any, tmp_path: Path, watching: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from watchdog.observers import Observer

    def refuse(observer: Any, *arguments: Any, **keywords: Any) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(Observer, "schedule", refuse)
    folder, out = tmp_path / "in", tmp_path / "out"
    save(folder / "a.png")
    one = watching(brighter, folder, out, rescan=0.2)
    one.wait_for(1)
    save(folder / "b.png")
    one.wait_for(2)
    assert "inotify watch limit reached" in caplog.text
    folder.rename(tmp_path / "away")
    one.wait(lambda: "no such folder" in caplog.text)
    (tmp_path / "away").rename(folder)
    save(folder / "c.png")
    one.wait_for(3)
    assert caplog.text.count("no such folder") == 1


def test_a_file_that_stalls_is_given_up_waiting_for(
    brighter: Any, tmp_path: Path, watching: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that a program holds open for ever."""
    monkeypatch.setattr(arrivals_module, "_STALLED", 1.0)
    folder = tmp_path / "in"
    folder.mkdir()
    one = watching(brighter, folder, tmp_path / "out", rescan=0.2)
    content = save(tmp_path / "a.png").read_bytes()
    with (folder / "a.png").open("wb") as file:
        file.write(content)
        file.flush()
        one.wait_for(1)


@pytest.mark.parametrize("output", ["in", "in/out"])
def test_results_among_the_inputs_are_not_restored(output: str, brighter: Any, tmp_path: Path, watching: Any) -> None:
    folder = tmp_path / "in"
    save(folder / "a.png")
    one = watching(brighter, folder, tmp_path / output, rescan=0.2, suffix="_sharp")
    one.wait_for(1)
    save(folder / "b.png")
    one.wait_for(2)
    assert sorted(one.told) == [("a.png", "restored"), ("b.png", "restored")]


def test_two_files_of_one_result_are_told_though_they_come_apart(brighter: Any, tmp_path: Path, watching: Any) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    save(folder / "a.png")
    one = watching(brighter, folder, out, file_format="png")
    one.wait_for(1)
    save(folder / "a.jpg")
    one.wait_for(2)
    assert one.told == [("a.png", "restored"), ("a.jpg", "failed")]
    assert "is the result of" in one.results[1].reason


def test_what_is_in_work_is_finished_and_the_next_watch_goes_on(brighter: Any, tmp_path: Path, watching: Any) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(20):
        save(folder / f"{number:02}.png")
    brighter.before = lambda: time.sleep(0.05)
    one = watching(brighter, folder, out)
    one.wait(lambda: len(one.results) >= 1)
    one.stop()
    done = len(one.results)
    assert 1 <= done < 10
    assert {status for _, status in one.told} == {"restored"}
    assert len(list(out.iterdir())) == done
    brighter.before = lambda: None
    other = watching(brighter, folder, out)
    other.wait_for(20)
    statuses = [status for _, status in other.told]
    assert (statuses.count("kept"), statuses.count("restored")) == (done, 20 - done)


@pytest.mark.parametrize("name", ["missing", "file.png"])
def test_what_is_no_folder(name: str, brighter: Any, tmp_path: Path) -> None:
    save(tmp_path / "file.png")
    with pytest.raises(ImageError, match=name):
        FolderWatch(tmp_path / name, tmp_path / "out").run(brighter, on_result=print)


def test_without_watchdog_it_is_said(brighter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchdog.observers", None)
    with pytest.raises(ConfigError, match=r"watchdog is needed for this .* pip install .*watch"):
        FolderWatch(tmp_path, tmp_path / "out").run(brighter, on_result=print)


@pytest.mark.parametrize("keywords", [{"settle": -1}, {"rescan": 0}, {"settle": "soon"}])
def test_times_that_are_none(keywords: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a number of seconds"):
        FolderWatch(tmp_path, tmp_path / "out", **keywords)
