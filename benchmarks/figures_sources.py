"""Where the sharp images come from: packages of Debian, and folders that are named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import figures_drawn
import figures_photographs
import figures_plates
import figures_varying
from figures_sets import EvaluationSet

from udsd.cli.train import main as udsd_train
from udsd.errors import UdsdError
from udsd.evaluation import SharpImage, TextStrips, whole_images
from udsd.images import find_images

DOCUMENTS = ("texlive-latex-recommended-doc", "texlive-science-doc")
"""The bundled models were trained on nine tenths of these; the figures in git are on those of Debian 12."""

PAGES_PER_DOCUMENT = 3


class MissingSourceError(UdsdError):
    """The images of a set are not there, and could not be made."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What was given on the command line.

    Attributes:
        work: Folder for what is fetched and made.
        pages: Folder of pages; None to make them from `DOCUMENTS`.
        faces: Folder of aligned faces; None if there is none.
        vgg: File of VGG-19; None if there is none.
    """

    work: Path
    pages: Path | None = None
    faces: Path | None = None
    vgg: Path | None = None

    def images(self, of: EvaluationSet) -> list[SharpImage]:
        """The sharp images of a set.

        Raises:
            MissingSourceError: They cannot be had; the message says what to give.
        """
        if of.drawing is not None:
            folder = fetch(figures_drawn.PACKAGES, self.work / "packages")
            return list(figures_drawn.draw(of.drawing, of.count or 1, folder))
        if of.source == "plates":
            folder = fetch(figures_plates.PACKAGES, self.work / "packages")
            return list(figures_plates.draw(of.count or 1, folder))
        if of.varying is not None:
            return list(figures_varying.parts_of_pages(self._pages(), of.count or 1))
        if of.source == "pages":
            pages = self._pages()
            return TextStrips(of.count).cut(pages) if of.count else list(whole_images(pages))
        if of.source == "photographs":
            return list(figures_photographs.photograph(self._pages(), of.count or 1))
        if self.faces is None or self.vgg is None:
            raise MissingSourceError(
                "nobody may hand you these faces: get LFW and torchvision's VGG-19 yourself, keep one face of each "
                "person, and give FACES=folder VGG=file"
            )
        return list(whole_images(list(find_images(self.faces))[: of.count]))

    def _pages(self) -> list[Path]:
        return list(find_images(self.pages or make_pages(self.work)))


def make_pages(work: Path) -> Path:
    """Held-out pages of `DOCUMENTS` in a folder, rendered if they are not there yet.

    Raises:
        MissingSourceError: The documents cannot be fetched, or not be rendered.
    """
    pages = work / "pages"
    if not pages.is_dir():
        packages = fetch(DOCUMENTS, work / "packages")
        documents = [str(packages / name) for name in DOCUMENTS]
        with TemporaryDirectory(dir=work) as unfinished:
            split = ["--split", "test", "--pages-per-document", str(PAGES_PER_DOCUMENT)]
            if udsd_train(["prepare-pages", *documents, "-o", f"{unfinished}/pages", *split]):
                raise MissingSourceError("the pages could not be rendered; give a folder of pages: PAGES=folder")
            Path(unfinished, "pages").rename(pages)
    return pages


def fetch(packages: Sequence[str], folder: Path) -> Path:
    """Download packages of Debian and unpack each into a folder of its name; those that are there are passed over.

    Raises:
        MissingSourceError: apt-get or dpkg is missing, or fails.
    """
    missing = [name for name in packages if not (folder / name).is_dir()]
    if missing and not all(map(shutil.which, ("apt-get", "dpkg"))):
        raise MissingSourceError(
            f"these images are made of packages of Debian ({', '.join(missing)}), and apt-get or dpkg is missing here; "
            "run this on Debian or Ubuntu, or give a folder of pages: PAGES=folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in missing:
        print(f"fetching {name}", file=sys.stderr, flush=True)
        with TemporaryDirectory(dir=folder) as unfinished:
            _run(["apt-get", "download", name], unfinished)
            (archive,) = Path(unfinished).glob("*.deb")
            _run(["dpkg", "-x", archive.name, "files"], unfinished)
            Path(unfinished, "files").rename(folder / name)
    return folder


def _run(command: Sequence[str], folder: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 (fixed words)
    if done.returncode:
        reason = " ".join(done.stderr.split())
        raise MissingSourceError(f"{' '.join(command)} failed ({reason}); run apt-get update, or give PAGES=folder")
