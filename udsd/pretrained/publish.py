"""Putting a model folder on the Hub."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from udsd.errors import PublishError
from udsd.pretrained.folder import CARD_FILE, CONFIG_FILE, MINIMAL_CARD, WEIGHTS_FILE, load_model_folder
from udsd.pretrained.hub_errors import describe, first_line, hub_endpoint, root_cause, shown_endpoint, status_of
from udsd.regular import read_limited

_PATIENCE = 60.0
"""Seconds for which the Hub may stay silent; huggingface_hub waits for ever when it uploads."""

_LARGEST_CARD = 1 << 22
"""Bytes."""

logger = logging.getLogger(__name__)


def publish_model(
    folder: Path, repo: str, *, private: bool = False, revision: str | None = None, token: bool | str | None = None
) -> str:
    """Upload the configuration, the weights and the card of a model folder in one commit, and nothing else.

    The repository, and the branch if one is named, are made if they are missing. A card that says nothing of the
    model is warned of.

    Args:
        folder: A model folder; it is loaded before anything is sent.
        repo: ``org/repo``.
        private: Make a new repository private; one that is there stays as it is.
        revision: Branch instead of ``main``.
        token: Access token that may write; None or True for the stored one.

    Returns:
        The address of the commit.

    Raises:
        IncompatibleWeightsError: The folder is no udsd model.
        PublishError: There is no token, or the Hub could not be reached or refused.
        ConfigError: HF_ENDPOINT is no address.
    """
    from huggingface_hub import HfApi, get_token

    folder = Path(folder)
    load_model_folder(folder)
    _warn_of_empty_card(folder / CARD_FILE)
    endpoint = hub_endpoint()
    if not isinstance(token, str) and get_token() is None:
        raise PublishError("publishing needs a token that may write; run `hf auth login`, or set HF_TOKEN")
    hub = HfApi(endpoint=endpoint, token=token)
    try:
        with _patience():
            hub.create_repo(repo, private=private or None, exist_ok=True)
            if revision is not None:
                hub.create_branch(repo, branch=revision, exist_ok=True)
            commit = hub.upload_folder(
                repo_id=repo,
                folder_path=folder,
                allow_patterns=[CONFIG_FILE, WEIGHTS_FILE, CARD_FILE],
                revision=revision,
                commit_message="Publish a udsd model",
            )
    # As for downloads: the errors of the transports have no base in common.
    except Exception as error:
        raise _explain(error, folder, repo) from error
    return str(commit.commit_url)


def _warn_of_empty_card(card: Path) -> None:
    try:
        unwritten = not card.exists() or read_limited(card, _LARGEST_CARD).decode(errors="replace") == MINIMAL_CARD
    except OSError as error:
        raise PublishError(f"cannot read {card} ({error.strerror or error}); correct it") from error
    if unwritten:
        logger.warning("%s says nothing of the model (data, licence, scores); write it, then publish again", card)


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
    return PublishError(f"cannot publish {folder} as {repo}: {describe(cause)}")
