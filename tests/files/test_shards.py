from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from PIL import Image

from udsd.errors import ConfigError
from udsd.files import Shard, restore_files
from udsd.files.shards import shard


def test_each_file_is_in_one_share() -> None:
    names = [PurePosixPath(f"box {index // 100}/page-{index}.tif") for index in range(10_000)]
    shares = [{name for name in names if Shard(number, 10).holds(name)} for number in range(1, 11)]
    assert sum(len(share) for share in shares) == len(set().union(*shares)) == len(names)
    # Each count is binomial with a deviation of 30.
    assert all(850 < len(share) < 1150 for share in shares)


def test_the_share_of_a_file_never_changes() -> None:
    """Machines of other systems and versions must agree; these are SHA-256's."""
    names = ("a.png", "scans/1.tif", "日本.png")
    assert [
        [Shard(number, 3).holds(PurePosixPath(name)) for number in (1, 2, 3)].index(True) + 1 for name in names
    ] == [
        3,
        2,
        3,
    ]


@pytest.mark.parametrize("other", ["CAFÉ.png", "cafe\u0301.png"])
def test_other_spellings_of_one_result_are_in_one_share(other: str) -> None:
    for number in range(1, 8):
        assert Shard(number, 7).holds(PurePosixPath(other)) == Shard(number, 7).holds(PurePosixPath("café.png"))


@pytest.mark.parametrize("given", ["2", "0/3", "4/3", "1/0", "a/b", "1/2/3", "-1/3", "", 3])
def test_what_is_no_share(given: Any) -> None:
    with pytest.raises(ConfigError, match="shard"):
        shard(given)


def test_shares_together_are_all_files_each_once(brighter: Any, tmp_path: Path) -> None:
    names = [f"{index % 3}/{index}.png" for index in range(30)]
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / "in" / name)
    found: list[str] = []
    for number in range(1, 5):
        report = restore_files(brighter, [tmp_path / "in"], tmp_path / "out", shard=f"{number}/4")
        assert report.failed == {}
        found += [path.relative_to(tmp_path / "out").as_posix() for path in report.restored]
        assert len(report.results) == len(report.restored)
    assert sorted(found) == sorted(names)


def test_a_share_of_few_files_may_be_empty(brighter: Any, tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    reports = [
        restore_files(brighter, [tmp_path / "a.png"], tmp_path / "out", shard=Shard(number, 3)) for number in (1, 2, 3)
    ]
    assert [len(report.results) for report in reports] == [0, 0, 1]
    for report in (restore_files(brighter, [tmp_path / "a.png"], tmp_path / "b.png", shard=f"{n}/2") for n in (1, 2)):
        assert len(report.results) in (0, 1)


def test_results_of_one_name_meet_in_one_share(brighter: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for ending in ("png", "jpg"):
        Image.new("L", (8, 8)).save(tmp_path / "in" / f"a.{ending}")
    results = [
        result.status
        for number in range(1, 6)
        for result in restore_files(
            brighter, [tmp_path / "in"], tmp_path / "out", file_format="png", shard=Shard(number, 5)
        ).results
    ]
    assert sorted(results) == ["failed", "restored"]
