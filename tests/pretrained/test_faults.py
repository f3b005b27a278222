"""What can go wrong on the way from the Hub: each fault by a real server, its message as the documentation has it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from udsd.errors import (
    ChecksumError,
    ConfigError,
    DownloadError,
    IncompatibleWeightsError,
    UdsdError,
    UnknownModelError,
)
from udsd.pretrained.hub import HubOptions, fetch_model_folder
from udsd.pretrained.hub_errors import first_line

REPO = "acme/plates"
WEIGHTS = "model.safetensors"


def fetch(repo: str = REPO, **options: Any) -> Path:
    return fetch_model_folder(repo, HubOptions(**options))


@dataclass(frozen=True)
class Case:
    """A fault of the server, and what comes of it."""

    error: type[UdsdError]
    message: str
    fault: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[str, str | None] = field(default_factory=dict)


def refused(status: int, **headers: str) -> dict[str, Any]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"kind": "status", "method": "", "name": "", "times": math.inf, "status": status, "headers": names}


def always(kind: str) -> dict[str, Any]:
    return {"kind": kind, "times": math.inf}


HUB = "https://huggingface.co"
NO_CONFIG = "cannot download config.json of acme/plates: "
NO_WEIGHTS = "cannot download model.safetensors of acme/plates: "
BROKEN = f"the connection to {HUB} failed (REASON); check the network, the proxy and HF_ENDPOINT, or try again later"
NONE_SUCH = (
    f"{HUB} has no model acme/plates, or it is private; "
    "check the name (or the path, if a folder is meant), or run `hf auth login` or give a token"
)
OFFLINE = (
    "config.json of acme/plates is not in the cache and downloading is off; "
    "fetch it once (`udsd download`) without local_files_only and HF_HUB_OFFLINE, or check cache_dir"
)
GATED = f"acme/plates is gated; ask for access at {HUB}/acme/plates, then run `hf auth login` or give a token"
NO_ACCESS = "; run `hf auth login` or give a token that may read it"
OTHER = "CACHE/models--acme--plates/snapshots/COMMIT/config.json has "

CASES = {
    "no such repository": Case(UnknownModelError, NONE_SUCH, refused(404, X_Error_Code="RepoNotFound")),
    "private repository": Case(UnknownModelError, NONE_SUCH, refused(401, X_Error_Code="RepoNotFound")),
    "gated, nobody logged in": Case(DownloadError, GATED, refused(401, X_Error_Code="GatedRepo")),
    "gated, no access": Case(DownloadError, GATED, refused(403, X_Error_Code="GatedRepo")),
    "wrong token": Case(
        DownloadError,
        f"{NO_CONFIG}{HUB} refused access (HTTP 401: Invalid credentials in Authorization header){NO_ACCESS}",
        refused(401, X_Error_Message="Invalid credentials in Authorization header"),
    ),
    "forbidden": Case(DownloadError, f"{NO_CONFIG}{HUB} refused access (HTTP 403){NO_ACCESS}", refused(403)),
    "no token stored": Case(
        DownloadError,
        "token=True was given, but no token is stored; run `hf auth login` or give token= as text",
        options={"token": True},
    ),
    "no such revision": Case(
        DownloadError,
        "acme/plates has no revision 'v9'; give a branch, tag or commit it has, or none",
        options={"revision": "v9"},
    ),
    "no config.json": Case(
        IncompatibleWeightsError,
        "acme/plates has no config.json, so it is no udsd model; choose another one",
        files={"config.json": None},
    ),
    "no weights": Case(
        IncompatibleWeightsError,
        "acme/plates has no model.safetensors, so it is no udsd model; choose another one",
        files={WEIGHTS: None},
    ),
    "a model of another library": Case(
        IncompatibleWeightsError,
        f"{OTHER}no format_version, so this is no udsd model; choose another one",
        files={"config.json": '{"model_type": "bert"}'},
    ),
    "a model of a later udsd": Case(
        IncompatibleWeightsError,
        f"{OTHER}format_version 2, but this udsd reads 1; install a udsd that fits",
        files={"config.json": '{"format_version": 2, "model": {}}'},
    ),
    "rate limit": Case(
        DownloadError,
        f"{NO_CONFIG}{HUB} limits the rate (HTTP 429); wait some minutes, or log in with `hf auth login`",
        refused(429),
    ),
    "rate limit, a long one": Case(
        DownloadError,
        f"{NO_CONFIG}{HUB} limits the rate (HTTP 429); wait 240 s, or log in with `hf auth login`",
        refused(429, Retry_After="240"),
    ),
    "error of the server": Case(
        DownloadError, f"{NO_CONFIG}{HUB} is in trouble (HTTP 500); try again later", refused(500)
    ),
    "any other status": Case(
        DownloadError, f"{NO_CONFIG}{HUB} answered with HTTP 418; check HF_ENDPOINT and the proxy", refused(418)
    ),
    "error of the server, weights": Case(
        DownloadError,
        f"{NO_WEIGHTS}{HUB} is in trouble (HTTP 503); try again later",
        {"kind": "status", "status": 503, "times": math.inf},
    ),
    "no answer": Case(
        DownloadError, NO_CONFIG + BROKEN, {"kind": "stall", "method": "HEAD", "name": "", "times": math.inf}
    ),
    "hung up": Case(
        DownloadError, NO_CONFIG + BROKEN, {"kind": "hang up", "method": "HEAD", "name": "", "times": math.inf}
    ),
    "broken off": Case(DownloadError, NO_WEIGHTS + BROKEN, always("cut")),
    "standing still": Case(DownloadError, NO_WEIGHTS + BROKEN, always("stall")),
    "wrong length": Case(
        DownloadError,
        f"{NO_WEIGHTS}{HUB} sent another number of bytes than it announced; try again later, or check the proxy",
        always("length"),
    ),
    "more than a model has": Case(
        IncompatibleWeightsError,
        "config.json of acme/plates has more than the 1048576 bytes that it may have, so it is no udsd model; "
        "choose another one",
        files={"config.json": " " * (2 << 20)},
    ),
    "an ETag that is no name": Case(
        DownloadError,
        f"{NO_CONFIG}{HUB} does not answer as a Hub does (its ETag is '../x'); check HF_ENDPOINT and the proxy",
        {"kind": "etag", "method": "HEAD", "name": "config.json"},
    ),
    "wrong bytes": Case(
        ChecksumError,
        "model.safetensors of acme/plates came twice with another SHA-256 than SHA256; "
        "check the proxy, give another revision, or tell the owner of the model",
        always("bytes"),
    ),
    "offline, not cached": Case(DownloadError, OFFLINE, options={"local_files_only": True}),
    "HF_ENDPOINT is no address": Case(
        ConfigError,
        "HF_ENDPOINT is 'huggingface.co'; give the address of a Hub, such as https://huggingface.co",
        variables={"HF_ENDPOINT": "huggingface.co"},
    ),
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment's silence is taken for good."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.3)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.05)


@pytest.fixture
def pauses(hub: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is slept, in seconds."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_fault(
    hub: Any,
    model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    as_documented: Callable[..., str],
    case: Case,
) -> None:
    for name, text in case.files.items():
        (model_folder / name).unlink()
        if text is not None:
            (model_folder / name).write_text(text)
    for name, value in case.variables.items():
        monkeypatch.setenv(name, value)
    hub.publish(REPO, model_folder)
    if case.fault:
        hub.fault(**case.fault)
    with pytest.raises(case.error) as caught:
        fetch(cache_dir=tmp_path / "cache", **case.options)
    assert as_documented(caught.value, CACHE=tmp_path / "cache") == case.message


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "method": "HEAD", "name": "config.json", "times": 2},
        {"kind": "status", "status": 503, "times": 2},
        {"kind": "status", "status": 408, "method": "HEAD"},
        {"kind": "hang up", "method": "HEAD", "times": 2},
        {"kind": "hang up"},
        {"kind": "cut"},
        {"kind": "reset", "times": 2},
        {"kind": "length"},
        {"kind": "bytes"},
        {"kind": "slow"},
        {"kind": "redirect", "method": "", "times": math.inf},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('status', '')} {fault.get('method', 'GET')}",
)
def test_fault_that_passes(hub: Any, model_folder: Path, fault: dict[str, Any]) -> None:
    hub.publish(REPO, model_folder)
    hub.fault(**fault)
    assert (fetch() / WEIGHTS).read_bytes() == (model_folder / WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, [1.0, 4.0]),
        ({"Retry-After": "7"}, [7.0, 7.0]),
        ({"RateLimit": '"resolvers";r=0;t=55'}, [55.0, 55.0]),
        ({"RateLimit": '"resolvers";r=12;t=55'}, [1.0, 4.0]),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, [1.0, 4.0]),
    ],
)
def test_the_hub_says_how_long_to_wait(
    hub: Any,
    model_folder: Path,
    pauses: list[float],
    caplog: pytest.LogCaptureFixture,
    headers: dict[str, str],
    expected: list[float],
) -> None:
    hub.publish(REPO, model_folder)
    hub.fault("status", method="HEAD", name="config.json", times=2, status=429, headers=headers)
    fetch()
    assert pauses == expected
    assert f"(trying again in {expected[0]:g} s)" in caplog.text


def test_nobody_waits_for_an_hour(hub: Any, model_folder: Path, pauses: list[float]) -> None:
    hub.publish(REPO, model_folder)
    hub.fault(**refused(429, Retry_After="3600"))
    with pytest.raises(DownloadError, match="wait 3600 s"):
        fetch()
    assert pauses == []


def test_what_does_not_pass_is_asked_for_once(hub: Any, model_folder: Path, pauses: list[float]) -> None:
    hub.publish(REPO, model_folder)
    hub.fault(**refused(403))
    with pytest.raises(DownloadError):
        fetch()
    assert (len(hub.requests), pauses) == (1, [])


@pytest.mark.parametrize("kind", ["status", "hang up", "stall"])
@pytest.mark.usefixtures("impatient")
def test_what_is_cached_needs_no_hub_in_order(hub: Any, model_folder: Path, kind: str, pauses: list[float]) -> None:
    hub.publish(REPO, model_folder)
    folder = fetch()
    hub.fault(kind, method="", name="", times=math.inf)
    assert fetch() == folder
    assert pauses == []


def test_token_stays_with_the_hub(hub: Any, refuse: Any, model_folder: Path) -> None:
    hub.publish(REPO, model_folder)
    refuse(REPO, 401, "GatedRepo", token="hf_secret")
    hub.fault("redirect", method="", name="", times=math.inf)
    fetch(token="hf_secret")
    tokens = {asked.host.partition(":")[0]: asked.token for asked in hub.requests}
    assert tokens == {"127.0.0.1": "hf_secret", "localhost": ""}


def test_damaged_download_of_any_repository_is_fetched_once_more(
    hub: Any, model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.publish(REPO, model_folder)
    hub.fault("bytes")
    fetch()
    assert hub.downloads(WEIGHTS) == 2
    assert "has another SHA-256 than" in caplog.text


@pytest.mark.parametrize("variable", [False, True])
def test_damage_in_the_cache_is_reported_offline(
    hub: Any, model_folder: Path, monkeypatch: pytest.MonkeyPatch, as_documented: Callable[..., str], variable: bool
) -> None:
    from huggingface_hub import constants

    hub.publish(REPO, model_folder)
    weights = fetch() / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    asked = len(hub.requests)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", variable)
    with pytest.raises(ChecksumError) as caught:
        fetch(local_files_only=not variable)
    assert as_documented(caught.value, CACHE=weights.parents[3]) == (
        "CACHE/models--acme--plates/snapshots/COMMIT/model.safetensors has SHA-256 SHA256, expected SHA256: "
        "damaged or another file; get it again"
    )
    assert len(hub.requests) == asked
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert (fetch() / WEIGHTS).read_bytes() == (model_folder / WEIGHTS).read_bytes()


@pytest.fixture
def fresh_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, str]], None]]:
    """Set variables that the client of huggingface_hub reads when it is made."""
    from huggingface_hub import close_session

    def set_variables(variables: dict[str, str]) -> None:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        close_session()

    yield set_variables
    close_session()


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_proxy(hub: Any, model_folder: Path, monkeypatch: pytest.MonkeyPatch, fresh_client: Any, variable: str) -> None:
    hub.publish(REPO, model_folder)
    # No name server knows .invalid: only the proxy can answer.
    fresh_client({variable: hub.url, "HF_ENDPOINT": "http://hub.invalid"})
    assert (fetch() / WEIGHTS).read_bytes() == (model_folder / WEIGHTS).read_bytes()
    assert all(asked.path.startswith("http://hub.invalid/acme/plates/resolve/") for asked in hub.requests)


def test_proxy_that_wants_a_password(hub: Any, model_folder: Path, fresh_client: Any) -> None:
    hub.publish(REPO, model_folder)
    hub.fault(**refused(407))
    fresh_client({"HTTP_PROXY": hub.url, "HF_ENDPOINT": "http://hub.invalid"})
    with pytest.raises(DownloadError, match="answered with HTTP 407; check HF_ENDPOINT and the proxy"):
        fetch()


def test_proxy_that_is_down(hub: Any, model_folder: Path, fresh_client: Any) -> None:
    hub.publish(REPO, model_folder)
    fresh_client({"HTTP_PROXY": hub.url})
    folder = fetch()
    hub.stop()
    assert fetch() == folder
    with pytest.raises(DownloadError, match=r"the connection to .* failed \(.*\); check the network, the proxy"):
        fetch(force_download=True)


def test_password_of_a_mirror_is_not_told(hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url.replace("//", "//me:hunter2@"))
    with pytest.raises(UnknownModelError) as caught:
        fetch()
    assert str(caught.value).startswith(f"{hub.url} has no model")


@pytest.mark.parametrize(
    ("said", "shown"),
    [("\n  \n one \ntwo", "one"), ("x" * 300, "x" * 200), ("", "str"), (" \n", "str"), (ValueError(), "ValueError")],
)
def test_of_a_message_the_first_line_is_shown(said: object, shown: str) -> None:
    assert first_line(said) == shown
