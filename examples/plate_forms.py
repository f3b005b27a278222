"""The forms that number plates have in many countries: their letters, proportions and colours.

It is part of `draw_plates.py`. Which letters stand on a plate is random: none is that of a car that is known to exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]

WHITE, YELLOW, BLACK = (236, 237, 234), (244, 196, 22), (22, 22, 24)
BLUE, GREEN, RED, GREY = (20, 62, 160), (16, 110, 70), (186, 24, 34), (176, 178, 182)
LIGHT_GREEN, CREAM, SILVER = (120, 204, 150), (238, 228, 196), (206, 210, 216)

SIGNS: dict[str, Sequence[str]] = {
    "a": "ABCDEFGHJKLMNPRSTUVWXYZ" * 3 + "IOQ",  # many countries leave out what is taken for digits
    "0": "0123456789",
    "r": "АВЕКМНОРСТУХ",  # noqa: RUF001
    "g": "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",  # noqa: RUF001
    "c": "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新",
    "j": ("品川", "横浜", "大阪", "名古屋", "札幌", "神戸", "京都", "福岡", "仙台", "広島", "千葉", "沖縄"),
    "h": "あいうえかきくけこさすせそたちつてとなにぬねのはひふほまみむめもやゆらりるろ",
    "k": "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주하허호",
    "f": "۰۱۲۳۴۵۶۷۸۹",
    "e": "٠١٢٣٤٥٦٧٨٩",
    "p": "بجدسصطقلمنوهی",
    "s": "ابحدرسصطعقكلمنهوى",
    "d": "०१२३४५६७८९",
    "v": ("बा", "प", "च", "ख", "ज", "क", "लु"),
    "i": ("MH", "DL", "KA", "TN", "UP", "GJ", "RJ", "WB", "KL", "AP", "TS", "HR", "PB", "MP", "BR"),
}
"""What the lower-case letters and the 0 of a pattern stand for; all else stands for itself."""

SCALES = {"h": 0.6, "c": 1.1, "・": 0.7}

SCRIPTS: dict[str, tuple[str, ...]] = {
    "latin": (
        *("BebasNeue-Bold", "BebasNeue-Regular", "OSP-DIN", "NimbusSansNarrow-Bold.otf", "NimbusSans-Bold.otf"),
        *("LiberationSansNarrow-Bold.", "LiberationSans-Bold.", "LiberationMono-Bold.", "Hack-Bold.", "Lato-Heavy."),
        *("RobotoCondensed-Bold.", "RobotoCondensed-Medium.", "Roboto-Bold.", "Roboto-Medium.", "FreeSansBold."),
        *("DejaVuSansCondensed-Bold.", "DejaVuSansMono-Bold."),
    ),
    "cyrillic": ("Roboto-Bold.", "RobotoCondensed-Bold.", "DejaVuSansCondensed-Bold.", "LiberationSansNarrow-Bold."),
    "devanagari": ("Lohit-Devanagari",),
    "arabic": ("DejaVuSans-Bold.", "Amiri-Bold.", "FreeSerifBold."),
    "han": ("NotoSansCJK-Bold", "NotoSansCJK-Regular", "wqy-zenhei"),
}
"""Beginnings of the names of the fonts of each script. Those of Cyrillic have Greek too, those of Han all of Asia."""


def script_of(text: str) -> str:
    code = ord(text[0])
    limits = ((0x370, "latin"), (0x600, "cyrillic"), (0x900, "arabic"), (0x1100, "devanagari"), (0x30000, "han"))
    return next(script for limit, script in limits if code < limit)


@dataclass(frozen=True)
class Form:
    """One form of plates.

    Attributes:
        patterns: What is written, with the keys of `SIGNS`; a slash begins another line.
        aspect: Width over height.
        colours: Pairs of ground and ink.
        weight: How often it is drawn.
        band: Where a band stands: left, right, sides, top or nowhere.
        band_colour: Its colour.
        lines: Heights of the lines, relative to each other.
        words: Small words stand above or below.
        scenic: A faint picture lies below the letters.
    """

    patterns: tuple[str, ...]
    aspect: float
    colours: tuple[tuple[Colour, Colour], ...]
    weight: float = 1.0
    band: str = ""
    band_colour: Colour = BLUE
    lines: tuple[float, ...] = (1.0, 1.0)
    words: bool = False
    scenic: bool = False


DARK_ON_LIGHT = ((WHITE, BLACK), (YELLOW, BLACK))
UNITED_STATES = (
    *((WHITE, BLUE), (CREAM, (40, 60, 40)), (SILVER, (20, 40, 90)), (WHITE, RED), (YELLOW, BLUE), (WHITE, BLACK)),
    *((BLUE, YELLOW), ((30, 90, 60), WHITE), (BLACK, YELLOW), ((160, 200, 225), (30, 40, 80)), (WHITE, GREEN)),
)
FORMS = (
    # Europe
    Form(("aa 0000", "a-aa 000", "aa-a 0000", "aaa 00a"), 4.7, ((WHITE, BLACK),), 5, "left"),
    Form(("aa-000-aa", "aa 000 aa"), 4.7, ((WHITE, BLACK),), 3, "sides"),
    Form(("00-aa-aa", "aa-000-a", "0-aaa-00"), 4.7, ((YELLOW, BLACK),), 2, "left"),
    Form(("0-aaa-000",), 4.7, ((WHITE, RED), (WHITE, BLACK)), 1, "left"),
    Form(("aa00 aaa", "aaa 000a", "a000 aaa"), 4.7, DARK_ON_LIGHT, 4),
    Form(("aa00 aaa",), 4.7, DARK_ON_LIGHT, 2, "left"),
    Form(("aaa 000", "aa 00000", "aa-00-000", "000-a-000"), 4.7, ((WHITE, BLACK), (BLACK, SILVER)), 2),
    Form(("aa 000000", "a 00000"), 4.5, ((WHITE, BLACK), (GREEN, WHITE)), 1),
    Form(("ggg-0000",), 4.7, ((WHITE, BLACK),), 1, "left"),
    Form(("r000rr|00", "r000rr|000"), 4.64, ((WHITE, BLACK), (YELLOW, BLACK), (BLUE, WHITE)), 3),
    Form(("rr 0000 rr",), 4.64, ((WHITE, BLACK),), 2, "left", (40, 90, 190)),
    Form(("aa 00/0000", "aa00/aaa", "aaa/0000", "r000/rr 00"), 1.35, DARK_ON_LIGHT, 4),
    Form(("aa/000-a", "a-aa/000"), 1.25, ((WHITE, BLACK),), 2, "left"),
    # The Americas
    Form(
        ("aaa 0000", "aaa-0000", "000 aaa", "0aaa000", "aa 00000", "aaa・000"),
        2.0,
        UNITED_STATES,
        7,
        words=True,
        scenic=True,
    ),
    Form(("aaaa 000", "aaa 000", "aa-0000", "000-aaa"), 2.0, UNITED_STATES, 5, words=True),
    Form(("aaa0a00", "aaa 0000"), 3.08, ((WHITE, BLACK), (WHITE, RED), (WHITE, BLUE)), 4, "top"),
    Form(("aa 000 aa",), 3.08, ((WHITE, BLACK),), 1, "top"),
    Form(("aaa-0000",), 3.08, ((GREY, BLACK), (RED, WHITE)), 2, words=True),
    Form(("aaa/0a00", "aaa/0000"), 1.18, ((WHITE, BLACK), (GREY, BLACK)), 2, "top"),
    Form(("aaa 000", "aaa-00-00"), 2.0, ((YELLOW, BLACK), (WHITE, GREEN)), 1, words=True),
    # Asia
    Form(("i 00 aa 0000", "i 00 a 0000"), 4.17, (*DARK_ON_LIGHT, (GREEN, WHITE), (BLACK, YELLOW)), 4, "left"),
    Form(("i 00 aa/0000", "i 00/aa 0000"), 1.7, DARK_ON_LIGHT, 3),
    Form(("ca・00000", "ca・0a000", "ca・aa000", "ca・0000a"), 3.14, ((BLUE, WHITE),), 4),
    Form(("caD00000", "caF00000"), 3.43, ((LIGHT_GREEN, BLACK),), 2),
    Form(("ca/00000", "ca・/a0000"), 2.0, ((YELLOW, BLACK),), 1, lines=(0.7, 1.0)),
    Form(
        ("j 000/h 00-00", "j 00/h ・0-00", "j 000/h 000"),
        2.0,
        ((WHITE, GREEN), (YELLOW, BLACK), (GREEN, WHITE), (BLACK, YELLOW)),
        4,
        lines=(0.5, 1.0),
    ),
    Form(("00k 0000", "000k 0000"), 4.73, ((WHITE, BLACK), ((130, 180, 220), BLACK), (YELLOW, BLACK)), 2),
    Form(("00a-000.00", "00a-0000"), 4.4, DARK_ON_LIGHT, 1),
    Form(("00a/000.00", "00-a0/000.00"), 1.35, (*DARK_ON_LIGHT, (BLUE, WHITE)), 2),
    Form(("aaa 0000", "aa 0000 a", "a 0000 aa"), 3.6, ((BLACK, WHITE), (WHITE, BLACK)), 4),
    Form(("aa/0000", "aaa/000 a"), 1.5, ((BLACK, WHITE), (BLACK, SILVER)), 1),
    Form(("aaa-0000", "0000-aa"), 2.4, ((WHITE, BLACK), (WHITE, GREEN), (RED, WHITE)), 2),
    Form(("00-000-00", "000-00-000"), 4.7, ((YELLOW, BLACK),), 1, "left"),
    Form(("v d v/dddd",), 1.6, ((RED, WHITE), (WHITE, RED), (BLACK, WHITE)), 1),
    # Arabic letters
    Form(("ff p fff|ff",), 4.73, ((WHITE, BLACK), (YELLOW, BLACK), (RED, WHITE)), 3, "left"),
    Form(("eee s s s", "eeee s s", "eeee s s s"), 2.1, ((WHITE, BLACK),), 2, "top", (90, 160, 215)),
    Form(("eeee s s s/0000 a a a",), 2.1, ((WHITE, BLACK),), 2, "right", SILVER),
    Form(("00000|s|00", "00000|s|0"), 4.7, ((WHITE, BLACK), (BLACK, WHITE)), 2),
    # Africa and Australia
    Form(
        ("aaa 000 aa", "aa 00 aa aa", "aaa 000a"), 4.3, ((YELLOW, BLACK), (WHITE, BLUE), (WHITE, BLACK)), 2, scenic=True
    ),
    Form(("aaa-000aa", "aaa 000a"), 2.3, ((WHITE, BLUE), (WHITE, BLACK), (YELLOW, BLACK)), 2, words=True),
    Form(
        ("aa 00 aa", "aaa 000", "0aa 0aa"),
        2.78,
        ((YELLOW, BLACK), (WHITE, BLUE), (WHITE, GREEN), (BLUE, WHITE)),
        3,
        words=True,
    ),
)

WORDS = (
    *("NORTH LAKE", "SUNSET COAST", "GREEN HILLS", "LAND OF RIVERS", "EVERGREEN", "RED CANYON", "GOLDEN VALLEY"),
    *("THE ISLANDS", "WIDE SKIES", "OAK COUNTY", "BLUE HARBOUR", "GARDEN PROVINCE", "SILVER MOUNTAIN", "FIRST LIGHT"),
    *("EXPLORE", "BEAUTIFUL", "WILD FLOWERS", "SEA AND SAND", "CITY MOTORS", "AUTO CENTER", "GARAGE", "TRANSIT"),
)
CODES = ("D", "F", "NL", "I", "E", "PL", "GB", "UK", "P", "A", "B", "S", "CZ", "IND", "UA", "RO", "H", "BR", "IR", "IL")


def write(form: Form, random: np.random.Generator) -> list[list[tuple[str, float]]]:
    """Random signs in one of the form's patterns: of each line its signs, and the scale of each."""
    pattern = str(random.choice(form.patterns))
    lines = []
    for line in pattern.split("/"):
        signs = [(SIGNS[key][int(random.integers(len(SIGNS[key])))] if key in SIGNS else key, key) for key in line]
        lines.append([(sign, SCALES.get(key, 1.0)) for sign, key in signs])
    return lines


def label(lines: list[list[tuple[str, float]]]) -> str:
    """The text of a plate from left to right, line after line; bars between its fields are spaces."""
    text = " ".join("".join(sign for sign, _ in line) for line in lines)
    return " ".join(text.replace("|", " ").split())
