"""Text of others (file names, keys, messages of servers) in a form that a terminal only displays."""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of controls, of format characters (the bidirectional ones), lone surrogates, line separators."""

_JOINERS = "\u200c\u200d"
"""Format characters that the spelling of some languages needs, and that move nothing."""

_MOST = 2000
_CUT = " [...] "


def escaped(text: str) -> str:
    r"""The same text with controls, line breaks, bidirectional overrides and lone surrogates as escapes (``\x1b``)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) for character in text)


def shown(message: object) -> str:
    """A message in one line: escaped, and cut in its middle if it has more than 2,000 characters.

    Errors end with what to do, so that the end is kept.
    """
    text = str(message)
    if len(text) > _MOST:
        half = (_MOST - len(_CUT)) // 2
        text = text[:half] + _CUT + text[-half:]
    return escaped(text)


def _escape(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape").decode("ascii")
