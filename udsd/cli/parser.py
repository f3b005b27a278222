"""Arguments of the ``udsd`` command. Nothing heavy is imported here: help and errors of usage come at once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from udsd.cli.arguments import output_name, output_or_stream, output_path, some_path, some_seed, some_time
from udsd.cli.help import add_verbosity, add_version, describe_command
from udsd.cli.help_texts import COMMANDS, UDSD

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands. ``run`` of what it parses names a function, ``"module:function"`` of `udsd.cli`."""
    parser = argparse.ArgumentParser(prog="udsd")
    describe_command(parser, UDSD)
    add_version(parser, "udsd")
    add_verbosity(parser, of_all=True)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_deblur(commands)
    _add_watch(commands)
    _add_compare(commands)
    _add_serve(commands)
    _add_evaluate(commands)
    _add_export(commands)
    _add_models(commands)
    _add_download(commands)
    _add_cache(commands)
    _add_publish(commands)
    _add_completion(commands)
    return parser


def _add_command(commands: Commands, name: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=COMMANDS[name].summary)
    describe_command(command, COMMANDS[name])
    add_version(command, "udsd")
    add_verbosity(command, of_all=False)
    return command


def _add_deblur(commands: Commands) -> None:
    command = _add_command(commands, "deblur")
    given = command.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "inputs",
        nargs="*",
        default=[],
        type=some_path,
        metavar="INPUT",
        help="image file, PDF, clip, folder, or pattern; - for standard input",
    )
    given.add_argument(
        "--files-from",
        type=some_path,
        metavar="LIST",
        help="restore the files of a list, one a line; - for standard input",
    )
    command.add_argument(
        "-o",
        "--output",
        type=output_or_stream,
        help="folder, or file for a single input, or - (default, for a single file: NAME_restored beside it)",
    )
    _add_restoring(command)
    command.set_defaults(run="commands:deblur")


def _add_watch(commands: Commands) -> None:
    command = _add_command(commands, "watch")
    command.add_argument("folder", type=some_path, metavar="FOLDER", help="what is watched, with the folders below it")
    command.add_argument("-o", "--output", required=True, type=output_name, help="folder for the results")
    command.add_argument(
        "--settle",
        type=float,
        default=2.0,
        metavar="N",
        help="seconds without a change that make a file whole (default: 2)",
    )
    command.add_argument(
        "--rescan", type=float, default=60.0, metavar="N", help="seconds between looks at all files (default: 60)"
    )
    _add_restoring(command)
    command.set_defaults(run="watch:watch", files_from=None)


def _add_restoring(command: argparse.ArgumentParser) -> None:
    """How files are restored, whichever they are."""
    _add_overwriting(command)
    command.add_argument("--compare", action="store_true", help="write pictures of input and result side by side")
    command.add_argument("--suffix", default="", help="put behind the names of results, such as _sharp")
    command.add_argument("--format", metavar="ENDING", help="format of results, such as png (default: as the input)")
    command.add_argument(
        "--quality", type=int, metavar="N", help="of JPEG and the like (default: as the input), of clips (90)"
    )
    command.add_argument(
        "--max-growth", type=float, metavar="N", help="of JPEGs in PDFs: at most N times the bytes, at less quality"
    )
    command.add_argument("--pages", metavar="RANGE", help="of PDFs, such as 3-7,12; the others stay (default: all)")
    command.add_argument("--password", help="of PDFs that are encrypted")
    command.add_argument("--shard", metavar="I/N", help="only share I of N, each on a machine of its own, such as 2/8")
    command.add_argument(
        "--codec", choices=("h264", "hevc", "av1", "vp9", "ffv1"), help="of clips (default: as the input)"
    )
    command.add_argument("--frame-by-frame", action="store_true", help="of clips: smooth nothing over the frames")
    command.add_argument(
        "--batch-size", type=int, metavar="N", help="images of one size at a time (default: 8 on GPUs)"
    )
    command.add_argument("--max-pixels", type=int, metavar="N", help="larger images are refused (default: 89 million)")
    command.add_argument("--max-pages", type=int, metavar="N", help="files of more are refused (default: 10000)")
    command.add_argument(
        "--face-crops", type=output_path, metavar="DIR", help="write each restored face, aligned, before and after"
    )
    command.add_argument("--skip-sharp", action="store_true", help="write nothing of what is sharp already")
    command.add_argument("--report", type=output_path, metavar="FILE", help="write what became of each file as JSON")
    command.add_argument("--json", action="store_true", help="print a line of JSON for each file")
    _add_domain_options(command)
    _add_model_options(command, chosen=True)


def _add_compare(commands: Commands) -> None:
    command = _add_command(commands, "compare")
    command.add_argument("input", type=some_path, metavar="INPUT", help="image file, PDF or clip")
    command.add_argument("-o", "--output", required=True, type=output_name, help="the picture to write, or its folder")
    command.add_argument("--password", help="of a PDF that is encrypted")
    _add_overwriting(command)
    _add_domain_options(command)
    _add_model_options(command, chosen=True)
    command.set_defaults(run="commands:compare")


def _add_serve(commands: Commands) -> None:
    command = _add_command(commands, "serve")
    command.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="to listen on (default: 127.0.0.1, this machine alone)"
    )
    command.add_argument("--port", type=int, default=7860, metavar="N", help="0: any that is free (default: 7860)")
    command.add_argument("--open", action="store_true", help="show the page in the browser of this machine")
    command.add_argument("--max-size", metavar="SIZE", help="of a file (default: 50MB)")
    command.add_argument("--max-files", type=int, metavar="N", help="of a request (default: 20)")
    command.add_argument(
        "--max-pixels", type=int, metavar="N", help="of a picture, page or frame (default: 40 million)"
    )
    command.add_argument("--max-pages", type=int, metavar="N", help="of a document (default: 100)")
    command.add_argument("--max-frames", type=int, metavar="N", help="of a clip (default: 1000)")
    command.add_argument(
        "--max-time", type=some_time, metavar="TIME", help="of a request, once worked on (default: 5min)"
    )
    command.add_argument("--max-waiting", type=int, metavar="N", help="requests in the queue (default: 30)")
    command.add_argument("--max-stored", metavar="SIZE", help="files of all visitors together (default: 4GB)")
    command.add_argument(
        "--keep", type=some_time, metavar="TIME", help="how long files of pages left open are kept (default: 1h)"
    )
    _add_model_options(command, chosen=True)
    command.set_defaults(run="serve:run")


def _add_evaluate(commands: Commands) -> None:
    command = _add_command(commands, "evaluate")
    command.add_argument("sharp", type=some_path, metavar="SHARP", help="folder of sharp images the model never saw")
    command.add_argument("-o", "--output", required=True, type=output_path, help="folder for the report")
    command.add_argument(
        "--blurred", type=some_path, metavar="DIR", help="folder of their blurred versions under the same names"
    )
    command.add_argument(
        "--beside", action="append", default=[], metavar="MODEL", help="measure another model too (may be repeated)"
    )
    command.add_argument("--strips", type=int, metavar="N", help="cut N full-width strips of text lines from pages")
    command.add_argument("--ocr", action="store_true", help="read the results with tesseract, count wrong characters")
    command.add_argument("--vgg-weights", type=some_path, help="VGG-19 as safetensors; measures feature distances")
    for name, what in (
        ("--path-length", "camera paths in pixels (default: 10 60)"),
        ("--noise", "deviation of the noise in levels of 255 (default: 0 2)"),
        ("--defocus", "every image is out of focus too, by a disc of this radius in pixels"),
        ("--gamma", "blur the light, as a camera does: this power of the grey levels (about 2.2)"),
    ):
        command.add_argument(name, nargs=2, type=float, metavar=("LOW", "HIGH"), help=what)
    command.add_argument(
        "--other-paper", action="store_true", help="print each image anew, in fainter ink on tinted and shaded paper"
    )
    command.add_argument("--seed", type=some_seed, default=0, help="seed of strips, blur and noise (default: 0)")
    _add_model_options(command)
    command.set_defaults(run="evaluate:run")


def _add_export(commands: Commands) -> None:
    command = _add_command(commands, "export")
    command.add_argument("model", metavar="MODEL", help="zoo name, model folder or Hub repository")
    command.add_argument("-o", "--output", required=True, type=output_path, help="folder to write")
    command.add_argument("--format", required=True, choices=("openvino", "onnx"))
    command.add_argument("--int8", action="store_true", help="openvino: convolutions in 8 bits")
    command.add_argument("--calibration", type=some_path, metavar="DIR", help="blurred images to choose the 8 bits by")
    command.set_defaults(run="commands:export")


def _add_models(commands: Commands) -> None:
    command = _add_command(commands, "models")
    command.set_defaults(run="commands:list_models")


def _add_download(commands: Commands) -> None:
    command = _add_command(commands, "download")
    command.add_argument("name", metavar="NAME", help="zoo name or Hub repository")
    command.add_argument("--revision", metavar="R", help="branch, tag or commit (default: that of the zoo, or main)")
    command.add_argument(
        "--cache-dir", type=some_path, metavar="DIR", help="where to keep it (default: the Hub's cache)"
    )
    command.add_argument("--force", action="store_true", help="fetch again what is bundled or cached")
    command.add_argument("--token", help="access token (default: HF_TOKEN, or that of `hf auth login`)")
    command.set_defaults(run="hub:download")


def _add_cache(commands: Commands) -> None:
    command = _add_command(commands, "cache")
    command.add_argument(
        "--cache-dir", type=some_path, metavar="DIR", help="where they are kept (default: the Hub's cache)"
    )
    command.add_argument("--json", action="store_true", help="print a line of JSON for each model")
    command.set_defaults(run="hub:list_cache")


def _add_publish(commands: Commands) -> None:
    command = _add_command(commands, "publish")
    command.add_argument("folder", type=some_path, metavar="MODEL_DIR", help="model folder")
    command.add_argument("repo", metavar="REPO", help="org/repo; it is made if it is missing")
    command.add_argument("--private", action="store_true", help="make a new repository private")
    command.add_argument("--revision", metavar="BRANCH", help="branch to put it on (default: main)")
    command.add_argument("--tag", metavar="TAG", help="tag of the commit, such as v0.1.0; one that is there is refused")
    command.add_argument("--create-pr", action="store_true", help="open a pull request at a repository that is there")
    command.add_argument("--message", metavar="TEXT", help="the first line of the commit")
    command.set_defaults(run="hub:publish")


def _add_completion(commands: Commands) -> None:
    command = _add_command(commands, "completion")
    shells = ("bash", "zsh", "fish", "powershell", "tcsh")
    command.add_argument("shell", choices=shells, metavar="SHELL", help=", ".join(shells))
    programs = ("udsd", "udsd-train")
    command.add_argument(
        "command", nargs="?", default="udsd", choices=programs, metavar="COMMAND", help="udsd (default) or udsd-train"
    )
    command.set_defaults(run="completion:print_completion")


def _add_overwriting(command: argparse.ArgumentParser) -> None:
    existing = command.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="make again what is in the output already")
    existing.add_argument("--skip-existing", action="store_true", help="keep what is there: the default")


def _add_domain_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--faces", default="auto", metavar="WHICH", help="auto (default), center, off, or a JSON file of boxes"
    )
    command.add_argument("--background", choices=("restore", "keep"), default="restore", help="of faces, in photos")
    command.add_argument("--min-face", type=float, default=16.0, metavar="N", help="smaller faces are left, in pixels")
    command.add_argument(
        "--strength", type=float, default=1.0, metavar="N", help="of the change, from 0 (none) to 1 (default)"
    )
    command.add_argument(
        "--scale",
        default="auto",
        metavar="N",
        help="before the network, not of faces: auto (default), off, or a number",
    )
    quality = command.add_mutually_exclusive_group()
    for name, what in (
        ("fast", "what the networks make of the picture, without making it explain the picture: a tenth faster"),
        ("best", "restore more than once: a little better, two to four times slower"),
    ):
        # --quality is another one: that of the files.
        quality.add_argument(
            f"--{name}", action="store_const", const=name, dest="domain_quality", default="normal", help=what
        )


def _add_model_options(command: argparse.ArgumentParser, *, chosen: bool = False) -> None:
    """Which model, and how it runs. Where it can be chosen by looking at a picture, it is unless one is named."""
    default = "chosen for each picture by looking at it" if chosen else "text"
    command.add_argument(
        "--model", default=None if chosen else "text", help=f"zoo name, model folder or Hub repository ({default})"
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N, mps, xpu (default: auto)")
    command.add_argument("--memory-limit", metavar="SIZE", help="such as 2GB (default: half of what is free)")
    command.add_argument("--dtype", default="auto", help="auto, float32, bfloat16 or float16 (default: auto)")
    command.add_argument("--backend", default="auto", help="auto, torch or openvino (default: auto)")
