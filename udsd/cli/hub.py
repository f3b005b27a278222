"""``udsd download``, ``udsd cache`` and ``udsd publish``: models from the Hub, on this machine, and to the Hub."""

from __future__ import annotations

from argparse import Namespace

from udsd.cli.output import megabytes, print_line, print_table
from udsd.pretrained import cached_models, download_model, publish_model


def download(options: Namespace) -> int:
    """Fetch a model, and print its folder and size."""
    folder = download_model(
        options.name,
        revision=options.revision,
        cache_dir=options.cache_dir,
        token=options.token,
        force_download=options.force,
    )
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    print_line(f"{folder}  {megabytes(size)} MB")
    return 0


def list_cache(options: Namespace) -> int:
    """Print the models of the cache as a table, or a line of JSON each."""
    models = cached_models(options.cache_dir)
    if options.json:
        for model in models:
            print_line(model.to_json())
        return 0
    rows = [("repository", "revision", "MB", "folder")]
    for model in models:
        revision = ", ".join(model.revisions) or model.commit
        rows.append((model.repo, revision, megabytes(model.bytes), str(model.path)))
    print_table(rows)
    return 0


def publish(options: Namespace) -> int:
    """Upload a model folder, and print the address of the commit or of the pull request."""
    address = publish_model(
        options.folder,
        options.repo,
        private=options.private or None,
        revision=options.revision,
        tag=options.tag,
        create_pr=options.create_pr,
        commit_message=options.message,
    )
    print_line(address)
    return 0
