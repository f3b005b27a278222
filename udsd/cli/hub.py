"""``udsd download``, ``udsd cache`` and ``udsd publish``: models from the Hub, on this machine, and to the Hub."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from udsd.cli.output import print_line, print_table
from udsd.pretrained import cached_models, download_model, publish_model

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_MEGABYTE = 1e6


def add_commands(commands: Commands) -> None:
    """Declare the three commands."""
    command = commands.add_parser("download", help="fetch a model, so that it loads without a connection")
    command.add_argument("name", metavar="NAME", help="zoo name or Hub repository")
    command.add_argument("--revision", metavar="R", help="branch, tag or commit (default: that of the zoo, or main)")
    command.add_argument("--cache-dir", type=Path, metavar="DIR", help="where to keep it (default: the Hub's cache)")
    command.add_argument("--force", action="store_true", help="fetch again what is bundled or cached")
    command.add_argument("--token", help="access token (default: HF_TOKEN, or that of `hf auth login`)")
    command.set_defaults(run=download)

    command = commands.add_parser("cache", help="list the models fetched from the Hub")
    command.add_argument("--cache-dir", type=Path, metavar="DIR", help="where they are kept (default: the Hub's cache)")
    command.add_argument("--json", action="store_true", help="print a line of JSON for each model")
    command.set_defaults(run=list_cache)

    command = commands.add_parser("publish", help="put a model folder on the Hub")
    command.add_argument("folder", type=Path, metavar="MODEL_DIR", help="model folder")
    command.add_argument("repo", metavar="REPO", help="org/repo; it is made if it is missing")
    command.add_argument("--private", action="store_true", help="make a new repository private")
    command.add_argument("--revision", metavar="BRANCH", help="branch to put it on (default: main)")
    command.set_defaults(run=publish)


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
    print_line(f"{folder}  {size / _MEGABYTE:.1f} MB")
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
        rows.append((model.repo, revision, f"{model.bytes / _MEGABYTE:.1f}", str(model.path)))
    print_table(rows)
    return 0


def publish(options: Namespace) -> int:
    """Upload a model folder, and print the address of the commit."""
    print_line(publish_model(options.folder, options.repo, private=options.private, revision=options.revision))
    return 0
