"""Text from outside, made fit to be shown, compared and opened in a spreadsheet."""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Controls, line and paragraph separators, lone surrogates, and the format characters that hide or reorder what stands
# beside them (bidi marks, embeddings, overrides and isolates, zero-width space, word joiner, byte order mark,
# annotation marks, tags). ZERO WIDTH JOINER and NON-JOINER stay: Indic scripts, Persian and emoji need them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_IGNORED = re.compile(r"[\s_.\-\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")
_PLAIN_NUMBER = re.compile(r"[+-]?[\d\s().,/-]*", re.ASCII)
# OWASP's list for CSV injection, with the full-width forms that some locales read as the plain ones.
_FORMULA_START = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def shown(text: str) -> str:
    """The text in one line, safe to display literally: every control or invisible character becomes a one-cell sign.

    C0 controls become their Unicode control pictures (ESC is U+241B, a line feed U+240A), everything else U+FFFD.
    Markup is the caller's matter: show the result as plain text.
    """
    return _UNSAFE.sub(_sign, text)


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else REPLACEMENT


def counted(n: int, noun: str) -> str:
    """A number with its noun: `1 row`, `1,204 rows`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def fold(text: str) -> str:
    """The form in which headers and search terms are compared: case, spaces, `_`, `.` and `-` do not count."""
    return _IGNORED.sub("", unicodedata.normalize("NFKC", text)).casefold()


def spreadsheet_safe(text: str) -> str:
    """The cell made fit for a spreadsheet: an apostrophe before what would start a formula; plain numbers stay."""
    if text.startswith(_FORMULA_START) and not _PLAIN_NUMBER.fullmatch(text.strip()):
        return f"'{text}"
    return text
