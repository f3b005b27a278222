"""What the help of each command says beside its options. A test parses every example."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HelpText:
    """The words of one command.

    Attributes:
        summary: A few words for the list of commands.
        description: Sentences, in lines as they are shown.
        examples: Command lines.
    """

    summary: str
    description: str
    examples: tuple[str, ...]


UDSD = HelpText(
    "",
    """\
Restore blurred images of a known kind: pages of text, faces, or what you have trained a model for.
Every command has a --help of its own.""",
    ("udsd deblur scan.png", "udsd deblur pictures/ -o restored/", "udsd models", "udsd deblur --help"),
)

COMMANDS = {
    "deblur": HelpText(
        "restore image files, PDFs, clips and folders of them",
        """\
Restore image files, PDFs, clips, folders of them, and patterns such as 'scans/*.png'. Results have the names
and the formats of their inputs; what is in the output already is kept. Without --model each picture is looked
at: pages of text and pictures of faces get the model for them.""",
        (
            "udsd deblur scan.png",
            "udsd deblur pictures/ -o restored/",
            "udsd deblur scans/ -o restored/ --suffix _sharp --format png --report report.json",
            "udsd deblur clip.mp4 -o restored.mp4 --codec h264 --quality 80",
            "udsd deblur group.jpg -o restored/ --model face --background keep",
            "udsd deblur scans/ -o restored/ --memory-limit 2GB --quiet",
            "cat scan.png | udsd deblur - -o - --format png > restored.png",
            "udsd deblur archive/ -o restored/ --shard 2/8",
            "find scans -name '*.tif' -newer last-run | udsd deblur --files-from - -o restored/",
        ),
    ),
    "watch": HelpText(
        "restore what arrives in a folder, until it is stopped",
        """\
Restore what is in a folder and the folders below it, and what arrives there from then on, once it is whole.
Ctrl-C and SIGTERM have it finish what is in work. Started again, it goes on: what is in the output is kept.
Options are those of `udsd deblur`. It takes the extra `watch`.""",
        (
            "udsd watch scans/ -o restored/",
            "udsd watch scans/ -o restored/ --format png --report report.json",
            "udsd watch /mnt/scanner -o restored/ --rescan 5 --settle 10",
        ),
    ),
    "compare": HelpText(
        "write a before/after picture of one image",
        "Restore one image, and write a picture that shows it before and after.",
        (
            "udsd compare scan.png -o before_after.png",
            "udsd compare scan.png -o before_after.png --model text-small --overwrite",
        ),
    ),
    "serve": HelpText(
        "show a page in the browser that restores files",
        """\
Show a page in the browser: pictures, PDFs and clips in, before and after under a slider, better ones out; and an
HTTP interface for programs. Only this machine reaches it, unless --host says otherwise. Files are deleted when their
page is closed, and all of them when the command ends. It takes the extra `demo`, for PDFs `pdf` too, and for clips
`video`.""",
        (
            "udsd serve --open",
            "udsd serve --port 8080 --max-size 20MB --max-time 1min",
            "udsd serve --host 0.0.0.0 --model text --keep 10min",
        ),
    ),
    "evaluate": HelpText(
        "measure a model on sharp images, blurred with fixed seeds",
        """\
Measure a model on sharp images that are blurred with fixed seeds, or on pairs of blurred and sharp images.
report.json, report.md and contact.png are written to a folder, and the table is printed.""",
        (
            "udsd evaluate pages/ -o report/ --strips 48 --ocr",
            "udsd evaluate sharp/ -o report/ --blurred blurred/ --model my-model/ --beside text",
            "udsd evaluate faces/ -o report/ --model face --path-length 10 30 --seed 1",
        ),
    ),
    "export": HelpText(
        "write a model for another runtime",
        """\
Write a model for OpenVINO or ONNX, and compare its results with those of PyTorch. 8 bits are for OpenVINO
alone; they take some blurred images of the model's domain.""",
        (
            "udsd export text -o text-openvino/ --format openvino",
            "udsd export text -o text-int8/ --format openvino --int8 --calibration blurred/",
            "udsd export text -o text-onnx/ --format onnx",
        ),
    ),
    "models": HelpText(
        "list the models of the zoo",
        "List the models of the zoo with their width, size, licence and scores.",
        ("udsd models",),
    ),
    "download": HelpText(
        "fetch a model, so that it loads without a connection",
        """\
Fetch a model from the Hugging Face Hub, load it once, and print its folder and size. From then on it loads
without a connection.""",
        ("udsd download text", "udsd download org/plates --revision v1"),
    ),
    "cache": HelpText(
        "list the models fetched from the Hub",
        "List the models that were fetched from the Hugging Face Hub and lie on this machine.",
        ("udsd cache", "udsd cache --json"),
    ),
    "publish": HelpText(
        "put a model folder on the Hub",
        """\
Put a model folder on the Hugging Face Hub in one commit: configuration, weights, card, licence, the pictures of
the card, and sub-folders that `udsd export` has written. It takes a token that may write: that of HF_TOKEN, or
of `hf auth login`.""",
        (
            "udsd publish my-model/ org/plates --private",
            "udsd publish my-model/ org/plates --tag v1",
            "udsd publish my-model/ org/plates --create-pr",
        ),
    ),
    "completion": HelpText(
        "print a script by which a shell completes the commands",
        """\
Print a script by which a shell completes commands, options, files and models. It takes the extra `completion`;
docs/install.md says where each shell looks for the script.""",
        (
            "udsd completion bash > ~/.local/share/bash-completion/completions/udsd",
            "udsd completion zsh > ~/.zfunc/_udsd",
            "udsd completion fish > ~/.config/fish/completions/udsd.fish",
            "udsd completion bash udsd-train > ~/.local/share/bash-completion/completions/udsd-train",
        ),
    ),
}
"""Of ``udsd``."""

TRAIN_COMMANDS = {
    "blur": HelpText(
        "find out what blur a folder of images has",
        "Find out what blur a folder of images has: its kernels, histograms, and settings for a recipe.",
        (
            "udsd-train blur blurred/ -o report/",
            "udsd-train blur blurred/ --sharp sharp/ -o report/",
        ),
    ),
    "export": HelpText(
        "write the model folder of a run",
        """\
Write the model folder of a run, which udsd loads by its path: the weights that were best in the run's own
validation, or the newest.""",
        (
            "udsd-train export runs/mine -o my-model/",
            "udsd-train export runs/mine -o my-model/ --last --licence Apache-2.0",
        ),
    ),
    "settings": HelpText(
        "list all settings, with types, values and meaning",
        "List all settings with their types and values: the defaults, or those of a recipe.",
        ("udsd-train settings", "udsd-train settings text-small"),
    ),
    "prepare-pages": HelpText(
        "render documents to images",
        "Render pages of PDF documents to PNG images, for training or for measuring.",
        (
            "udsd-train prepare-pages documents/ -o pages/ --split train",
            "udsd-train prepare-pages a.pdf b.pdf -o pages/ --dpi 150 150 --pages-per-document 4",
        ),
    ),
}
"""Of ``udsd-train``, beside training itself."""
