"""Putting a model folder on the Hub."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udsd.errors import ConfigError, PublishError
from udsd.pretrained.card import MINIMAL_CARD, REPO_PLACEHOLDER
from udsd.pretrained.contents import card_files, exported_files
from udsd.pretrained.folder import CARD_FILE, CONFIG_FILE, ESTIMATOR_FILE, WEIGHTS_FILE, load_model_folder
from udsd.pretrained.hub_errors import describe, first_line, hub_endpoint, root_cause, shown_endpoint, status_of
from udsd.pretrained.manifest import REVISION_PATTERN
from udsd.pretrained.metadata import read_metadata
from udsd.regular import read_limited

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, HfApi

COMMIT_MESSAGE = "Publish a udsd model"

_PATIENCE = 60.0
"""Seconds for which the Hub may stay silent; huggingface_hub waits for ever when it uploads."""

_LARGEST_CARD = 1 << 22
"""Bytes."""

logger = logging.getLogger(__name__)


def publish_model(
    folder: Path,
    repo: str,
    *,
    private: bool | None = None,
    revision: str | None = None,
    tag: str | None = None,
    create_pr: bool = False,
    commit_message: str | None = None,
    commit_description: str | None = None,
    token: bool | str | None = None,
    card_folder: Path | None = None,
) -> str:
    """Upload a model folder in one commit: configuration, weights, card, licence, pictures and exported sub-folders.

    Of pictures those go out that the card shows, of sub-folders those that ``udsd export`` has written from this model,
    and nothing else of the folder. In the card ``ORG/REPO`` becomes the name of the repository. Everything is checked
    before anything is sent. The repository, and the branch if one is named, are made if they are missing. A card that
    says nothing of the model, or names no licence, is warned of.

    Args:
        folder: A model folder; it is loaded before anything is sent.
        repo: ``org/repo``.
        private: Make a new repository private (True) or public (False), or as its owner has chosen; one that is there
            stays as it is.
        revision: Branch instead of ``main``.
        tag: Tag of the commit, such as ``v0.1.0``: what a manifest, or ``revision=`` of `load_model`, pins. One that is
            there already is refused, for a tag that moved would be another model under the same name.
        create_pr: Open a pull request with the commit; the repository must be there.
        commit_message: The first line of the commit.
        commit_description: What else it says.
        token: Access token that may write; None or True for the stored one.
        card_folder: Where card, licence and pictures lie, if not beside the model; sub-folders do not go out then.

    Returns:
        The address of the commit, or of the pull request.

    Raises:
        IncompatibleWeightsError: The folder is no udsd model.
        PublishError: The card's metadata is not valid, or something that it shows is missing; there is no token, or the
            Hub could not be reached or refused.
        ConfigError: HF_ENDPOINT is no address, the tag is none, or a pull request was to be tagged.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    folder = Path(folder)
    _check_tag(tag, create_pr=create_pr)
    load_model_folder(folder)
    files = _files(folder, card_folder, repo)
    endpoint = hub_endpoint()
    _check_token(token)
    hub = HfApi(endpoint=endpoint, token=token)
    operations = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=file) for name, file in sorted(files.items())]
    try:
        with _patience():
            if not create_pr:
                _prepare(hub, repo, private=private, branch=revision, tag=tag)
            commit: CommitInfo = hub.create_commit(
                repo,
                operations,
                commit_message=commit_message or COMMIT_MESSAGE,
                commit_description=commit_description,
                revision=revision,
                create_pr=create_pr,
            )
            if tag is not None:
                hub.create_tag(repo, tag=tag, revision=commit.oid)
    except PublishError:
        raise
    # As for downloads: the errors of the transports have no base in common.
    except Exception as error:
        raise _explain(error, folder, repo) from error
    return str(commit.pr_url or commit.commit_url)


def _files(folder: Path, card_folder: Path | None, repo: str) -> dict[str, Path | bytes]:
    """What is uploaded, by its paths in the repository."""
    beside = folder if card_folder is None else card_folder
    path = beside / CARD_FILE
    card = _read_card(path)
    metadata = read_metadata(card, str(path))
    _warn_of_what_is_missing(card, metadata)
    return {
        **{name: folder / name for name in (CONFIG_FILE, WEIGHTS_FILE)},
        **_estimator(folder, beside),
        **card_files(beside, card, metadata.get("license_link")),
        **(exported_files(folder) if card_folder is None else {}),
        CARD_FILE: card.replace(REPO_PLACEHOLDER, str(repo)).encode(),
    }


def _estimator(*folders: Path) -> dict[str, Path]:
    """The estimator of blur in the first of some folders that has one."""
    files = [folder / ESTIMATOR_FILE for folder in folders if (folder / ESTIMATOR_FILE).is_file()]
    return {ESTIMATOR_FILE: files[0]} if files else {}


def _check_tag(tag: str | None, *, create_pr: bool) -> None:
    if tag is None:
        return
    if not isinstance(tag, str) or not re.fullmatch(REVISION_PATTERN, tag):
        raise ConfigError(f"tag is {tag!r}; give letters, digits, ., _, / and -, such as v0.1.0, and not main")
    if create_pr:
        raise ConfigError("a pull request has no tag; publish without one, and tag what has been merged")


def _check_token(token: bool | str | None) -> None:
    from huggingface_hub import get_token

    if token is False or (not isinstance(token, str) and get_token() is None):
        raise PublishError("publishing needs a token that may write; run `hf auth login`, or set HF_TOKEN")


def _prepare(hub: HfApi, repo: str, *, private: bool | None, branch: str | None, tag: str | None) -> None:
    """Make the repository and the branch, and see that the tag is free: before the commit, which would stay."""
    hub.create_repo(repo, private=private, exist_ok=True)
    if tag is not None and any(known.name == tag for known in hub.list_repo_refs(repo).tags):
        raise PublishError(f"{repo} has a tag {tag} already, and a tag stays what it is; give another one")
    if branch is not None:
        hub.create_branch(repo, branch=branch, exist_ok=True)


def _read_card(card: Path) -> str:
    if not card.exists():
        return MINIMAL_CARD
    try:
        return read_limited(card, _LARGEST_CARD).decode()
    except OSError as error:
        raise PublishError(f"cannot read {card} ({error.strerror or error}); correct it") from error
    except UnicodeDecodeError as error:
        raise PublishError(f"{card} is no text in UTF-8 ({error}); correct it") from error


def _warn_of_what_is_missing(card: str, metadata: Any) -> None:
    if card == MINIMAL_CARD:
        logger.warning(
            "the card says nothing of the model (data, licence, scores); "
            "write README.md in its folder, then publish again"
        )
    elif metadata.get("license") is None:
        logger.warning("the card names no licence, so that nobody knows whether they may use the model; add one")


@contextmanager
def _patience() -> Iterator[None]:
    from huggingface_hub import get_session

    client = get_session()
    before = getattr(client, "timeout", None)
    client.timeout = _PATIENCE
    try:
        yield
    finally:
        client.timeout = before


def _explain(error: Exception, folder: Path, repo: str) -> PublishError:
    from huggingface_hub import errors

    if "Invalid metadata in README.md" in str(error):
        said = " ".join(str(error).split())
        return PublishError(f"the Hub refuses {folder / CARD_FILE} ({said}); correct the lines between its ---")
    cause = root_cause(error)
    if isinstance(cause, errors.HFValidationError):
        return PublishError(f"{repo!r} is no valid repository name ({first_line(cause)}); give org/repo")
    if isinstance(cause, errors.OfflineModeIsEnabled):
        return PublishError("publishing needs a connection, but HF_HUB_OFFLINE is set; unset it")
    if isinstance(cause, errors.HfHubHTTPError) and cause.response.status_code == 401:
        return PublishError(
            f"{shown_endpoint()} does not take the token ({status_of(cause)}); run `hf auth login`, or set HF_TOKEN"
        )
    if isinstance(cause, errors.HfHubHTTPError) and cause.response.status_code == 403:
        return PublishError(
            f"the token may not write to {repo} ({status_of(cause)}); use one with write access, or another repository"
        )
    if isinstance(cause, errors.RevisionNotFoundError):
        return PublishError(f"{repo} has no such branch; a pull request is made against one that is there")
    if isinstance(cause, errors.RepositoryNotFoundError):
        return PublishError(
            f"{shown_endpoint()} has no model {repo}, or it is private; "
            "check the name, or publish without a pull request"
        )
    return PublishError(f"cannot publish {folder} as {repo}: {describe(cause)}")
