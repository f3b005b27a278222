"""What the model cards' figures are measured on: the sets, their blur, and who is measured on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from udsd.degradation import BlurConfig
from udsd.domains import DeblurKeywords
from udsd.errors import ConfigError
from udsd.pretrained.manifest import PictureKind

BLURRED, SHARP = "blurred", "sharp"
"""As `udsd.evaluation` calls the input, and what a perfect method would give."""

UNSHARP, WIENER, RICHARDSON_LUCY, BLIND_WIENER = (
    "unsharp mask",
    "Wiener, true kernel",
    "Richardson-Lucy, true kernel",
    "Wiener, estimated kernel",
)
CLASSICS = (UNSHARP, WIENER, RICHARDSON_LUCY, BLIND_WIENER)

AS_IT_IS = ", as it is"
"""Ends the name of a model that no picture was brought to: ``scale="off"``."""


Varying = Literal["focus", "turning"]
"""How blur differs from place to place (`figures_varying.py`)."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Pages of running text to be drawn.

    Attributes:
        script: A key of `figures_drawn.SCRIPTS`.
        letters: Font size in pixels.
        light_on_dark: Dark mode.
    """

    script: str = "english"
    letters: int = 28
    light_on_dark: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSet:
    """One set of images, blurred with seed 0.

    Attributes:
        name: Its key in the file of results.
        title: What it is, in a line for cards.
        kind: The models of this kind are measured.
        source: Where the sharp images come from: pages, of which strips are cut; photographs that are drawn of these
            pages; faces, as they are; or they are drawn, as pages or as number plates.
        count: How many images; None for all.
        identifier: For the metadata of cards.
        command: What measures MODEL by hand; empty where nothing does.
        blur: What they are blurred with.
        varying: Instead of ``blur``: how that of parts of pages differs from place to place.
        other_paper: Pages are printed on other paper first.
        drawing: What is drawn.
        variants: Options of `Deblurrer.deblur` by what they add to the model's name.
        peers: Whether others than the zoo's models are measured too.
        experiments: Peers that are models trained for a comparison; the results of both came with their recipes.
    """

    name: str
    title: str
    kind: PictureKind
    source: Literal["pages", "photographs", "faces", "drawn", "plates"]
    count: int | None = None
    identifier: str = ""
    command: str = ""
    blur: BlurConfig = field(default_factory=BlurConfig)
    varying: Varying | None = None
    other_paper: bool = False
    drawing: Drawing | None = None
    variants: Mapping[str, DeblurKeywords] = field(default_factory=lambda: {"": {}})
    peers: bool = True
    experiments: tuple[str, ...] = ()

    @property
    def ocr(self) -> bool:
        """Whether character errors are counted."""
        return self.kind == "page"

    @property
    def bins(self) -> int:
        """How many strengths of blur are told apart."""
        return 3 if self.drawing is None else 1

    @property
    def options(self) -> dict[str, Any]:
        """What a result depends on beside the method, in the values of JSON: with others it is measured anew."""
        default = BlurConfig()
        blur = {one.name: getattr(self.blur, one.name) for one in fields(BlurConfig)}
        changed = {name: value for name, value in blur.items() if value != getattr(default, name)}
        options: dict[str, Any] = {"source": self.source, "count": self.count, "blur": _plain(changed)}
        if self.varying is not None:
            options["varying"] = self.varying
        if self.other_paper:
            options["other_paper"] = True
        if self.drawing is not None:
            options["drawing"] = {one.name: getattr(self.drawing, one.name) for one in fields(Drawing)}
        return options


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _drawn(name: str, drawing: Drawing, **blur: Any) -> EvaluationSet:
    """Drawn pages under camera paths in proportion to their letters, unless the blur is given."""
    shaken = {"path_length": (0.4 * drawing.letters, 1.2 * drawing.letters)}
    return EvaluationSet(
        name=f"drawn, {name}",
        title=name,
        kind="page",
        source="drawn",
        count=8,
        blur=BlurConfig(**(shaken | blur)),
        drawing=drawing,
        variants={AS_IT_IS: {"scale": "off"}, "": {}},
        peers=False,
    )


def _varying(how: Varying, title: str) -> EvaluationSet:
    """Parts of pages whose blur differs from place to place."""
    return EvaluationSet(
        name=how,
        title=title,
        kind="page",
        source="pages",
        count=12,
        command=f"python benchmarks/figures.py --sets {how}",
        varying=how,
        peers=False,
    )


STRIPS = EvaluationSet(
    name="strips",
    title="48 strips of 60 held-out documents, blurred by random camera paths of 10 to 60 px",
    kind="page",
    source="pages",
    count=48,
    identifier="debian-texlive-documentation-held-out",
    command="udsd evaluate PAGES --model MODEL --strips 48 --ocr",
    experiments=("unpaired, 3,000 steps", "the same with pairs, 3,000 steps"),
)
FACES = EvaluationSet(
    name="faces",
    title="500 faces of 500 people of LFW, none trained on, blurred by random camera paths of 10 to 60 px",
    kind="face",
    source="faces",
    identifier="lfw",
    command="udsd evaluate FACES --model MODEL --vgg-weights vgg19.safetensors",
    experiments=("unpaired, 4,500 steps", "the same with pairs, 4,500 steps"),
)
PLATES = EvaluationSet(
    name="plates",
    title="100 drawn pictures of number plates, none trained on, blurred in grey levels: paths of 4 to 60 px, half of "
    "them straight, defocus, noise, JPEG",
    kind="plate",
    source="plates",
    count=100,
    identifier="udsd-drawn-plates",
    command="python benchmarks/figures.py --sets plates",
    blur=BlurConfig(
        path_length=(4.0, 60.0),
        motion_probability=0.93,
        straight_probability=0.5,
        defocus_probability=0.3,
        defocus_radius=(0.5, 5.0),
        gaussian_probability=0.15,
        noise=(0.0, 8.0),
        jpeg_probability=0.5,
        jpeg_quality=(25.0, 95.0),
    ),
)
SETS = (
    STRIPS,
    EvaluationSet(
        name="more strips",
        title="80 strips of the same pages",
        kind="page",
        source="pages",
        count=80,
        command="udsd evaluate PAGES --model MODEL --strips 80 --ocr",
        peers=False,
    ),
    EvaluationSet(
        name="defocus",
        title="the 48 strips, out of focus by 1 to 3 px as well, with noise of 2 to 4 levels",
        kind="page",
        source="pages",
        count=48,
        command="udsd evaluate PAGES --model MODEL --strips 48 --ocr --defocus 1 3 --noise 2 4",
        blur=BlurConfig(defocus_probability=1.0, defocus_radius=(1.0, 3.0), noise=(2.0, 4.0)),
    ),
    EvaluationSet(
        name="linear light",
        title="the 48 strips, blurred in linear light (gamma 2.2), as by a camera",
        kind="page",
        source="pages",
        count=48,
        command="udsd evaluate PAGES --model MODEL --strips 48 --ocr --gamma 2.2 2.2",
        blur=BlurConfig(gamma_probability=1.0, gamma=(2.2, 2.2)),
    ),
    EvaluationSet(
        name="other paper",
        title="the 48 strips printed anew: tinted, grey, shaded, in fainter ink",
        kind="page",
        source="pages",
        count=48,
        command="udsd evaluate PAGES --model MODEL --strips 48 --ocr --other-paper",
        other_paper=True,
    ),
    EvaluationSet(
        name="photographs",
        title="12 drawn photographs of these pages: on a desk, at a slant, in uneven light; half of them out of focus, "
        "all blurred in linear light, with noise, the camera's sharpening and JPEG",
        kind="page",
        source="photographs",
        count=12,
        command="python benchmarks/figures.py --sets photographs",
        blur=BlurConfig(
            path_length=(6.0, 36.0),
            straight_probability=0.25,
            defocus_probability=0.5,
            defocus_radius=(0.5, 3.0),
            gamma_probability=1.0,
            gamma=(2.0, 2.4),
            noise=(1.0, 4.0),
            sharpened_probability=1.0,
            sharpened_amount=(0.2, 0.5),
            jpeg_probability=1.0,
            jpeg_quality=(72.0, 93.0),
        ),
        peers=False,
    ),
    _varying(
        "turning",
        "12 parts of these pages, of 900 x 1000 px, whose camera turned by 0.4 to 1 degree and moved by 4 to 14 px, in "
        "linear light, with noise",
    ),
    _varying(
        "focus",
        "these parts, whose focus is lost gradually: discs of 0 to 1.5 px at the one side, of 2.5 to 4.5 px at the "
        "other, in linear light, with noise",
    ),
    *(_drawn(f"letters of {size} px", Drawing(letters=size)) for size in (9, 12, 16, 24, 32, 48, 64)),
    _drawn("Cyrillic", Drawing("cyrillic")),
    _drawn("Chinese", Drawing("chinese")),
    _drawn("Japanese", Drawing("japanese")),
    _drawn("fixed-width letters", Drawing("mono")),
    _drawn("light on dark", Drawing(light_on_dark=True)),
    _drawn(
        "out of focus",
        Drawing(),
        path_length=(0.0, 0.0),
        motion_probability=0.0,
        defocus_probability=1.0,
        defocus_radius=(3.0, 6.0),
    ),
    _drawn("straight motion", Drawing(), straight_probability=1.0),
    _drawn("JPEG, quality 30 to 60", Drawing(), jpeg_probability=1.0, jpeg_quality=(30.0, 60.0)),
    _drawn("noise of 8 to 12 levels", Drawing(), noise=(8.0, 12.0)),
    FACES,
    EvaluationSet(
        name="faces in linear light",
        title="the first 100 of these faces, blurred in linear light (gamma 2.2), as by a camera",
        kind="face",
        source="faces",
        count=100,
        command="udsd evaluate FACES --model MODEL --vgg-weights vgg19.safetensors --gamma 2.2 2.2",
        blur=BlurConfig(gamma_probability=1.0, gamma=(2.2, 2.2)),
        peers=False,
    ),
    PLATES,
    replace(
        PLATES,
        name="plates in linear light",
        title="these plates, blurred in linear light (gamma 2.2), as by a camera",
        identifier="",
        command='python benchmarks/figures.py --sets "plates in linear light"',
        blur=replace(PLATES.blur, gamma_probability=1.0, gamma=(2.2, 2.2)),
        peers=False,
    ),
)


def main_set(kind: PictureKind | None) -> EvaluationSet:
    """The set that the scores in the manifest are of.

    Raises:
        ConfigError: None is for models of that kind.
    """
    for one in (STRIPS, FACES, PLATES):
        if one.kind == kind:
            return one
    raise ConfigError(f"no set measures models of kind {kind!r}; add one to benchmarks/figures_sets.py")
