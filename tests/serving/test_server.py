from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.commands import run
from udsd.extras import find


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run("serve", "--port", port) == 2
    told = capsys.readouterr().err
    assert f"udsd: cannot listen on port {port} of 127.0.0.1: Address already in use" in told
    assert "--port" in told


@pytest.mark.parametrize("wrong", [("--host", "no.such.host.invalid"), ("--host", "192.0.2.1")])
def test_what_cannot_be_listened_on_is_told(wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("serve", *wrong) == 2
    assert "udsd: cannot listen on port" in capsys.readouterr().err


def test_without_its_extra_it_tells_how_to_install_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if find("gradio") is not None:
        pytest.skip("Gradio is installed")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run("serve", "--port", 0) == 2
    told = capsys.readouterr().err
    assert "gradio is needed for this" in told
    assert "-m pip install" in told
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("--port", 70000), "the port is 70000"),
        (("--port", -1), "the port is -1"),
        (("--max-files", 0), "files is 0"),
        (("--max-size", "much"), "much"),
        (("--max-pixels", 0), "pixels is 0"),
        (("--max-waiting", 0), "waiting is 0"),
    ],
)
def test_numbers_out_of_range_are_refused(
    wrong: tuple[str, object], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("serve", *wrong) == 2
    assert told in capsys.readouterr().err
