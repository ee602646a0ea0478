"""What stands between the draft and its launch, as a list, and as one line where there is no room for the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.widgets import Static

from engine.preflight import Level
from engine.text import shown
from tui.widgets.one_line import OneLine

if TYPE_CHECKING:
    from engine.preflight import Check

SIGNS: Final = {Level.OK: "✓", Level.WARN: "!", Level.BLOCK: "✗"}
_TONES: Final = {Level.OK: "", Level.WARN: "bold $held", Level.BLOCK: "bold $failed"}
FIELD_WORDS: Final = {
    "name": "Name",
    "sender": "Sender",
    "template": "Template",
    "file": "File",
    "when": "When",
    "zone": "Zone",
}
_ADVICE: Final = {
    "unmapped_placeholder": "Choose a column for it, or a text that is always the same.",
}
"""The engine's advice names options of the command line; here it is a field."""


def advice(check: Check) -> str:
    """What to do about a check, with the field it belongs to."""
    words = _ADVICE.get(check.code, check.advice)
    field = FIELD_WORDS.get(check.field, check.field)
    return f"{field}: {words}" if field else words


def to_mend(checks: Sequence[Check]) -> list[Check]:
    """The checks that forbid the launch, then those that warn."""
    return [check for level in (Level.BLOCK, Level.WARN) for check in checks if check.level is level]


def checks_content(checks: Sequence[Check], outlook: Sequence[str]) -> Content:
    """Every check with its sign, advice below what is wrong, then when it goes and until when it can be cancelled."""
    parts: list[Content] = []
    for check in checks:
        tone = _TONES[check.level]
        parts.append(Content.assemble((f"{SIGNS[check.level]} ", tone), shown(check.text)))
        if check.level is not Level.OK and (words := advice(check)):
            parts.append(Content.styled(f"  {shown(words)}", "$text-muted"))
    parts += [Content(f"  {shown(line)}") for line in outlook]
    return Content("\n").join(parts)


def in_one_line(checks: Sequence[Check]) -> Content:
    """How many problems there are and the first of them."""
    blocking = [check for check in checks if check.level is Level.BLOCK]
    warnings = [check for check in checks if check.level is Level.WARN]
    if not blocking and not warnings:
        return Content("✓ ready: nothing stands in its way")
    first = (blocking or warnings)[0]
    if not blocking:
        return Content.assemble(("! ", _TONES[Level.WARN]), f"ready, but {shown(first.text)}")
    count = "1 problem" if len(blocking) == 1 else f"{len(blocking)} problems"
    return Content.assemble(("✗ ", _TONES[Level.BLOCK]), (count, "bold"), f": {shown(first.text)}")


class PreflightList(Static):
    """The list in its frame."""

    DEFAULT_CSS = """
    PreflightList {
        height: auto;
        border: round $border;
        border-title-color: $foreground;
        border-subtitle-color: $text-muted;
        padding: 0 1;
    }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(markup=False, id=id)
        self.border_title = "Before it goes"

    def show(self, checks: Sequence[Check], outlook: Sequence[str], note: str = "") -> None:
        """Show other checks; nothing is repainted when they look the same. `note` stands in the frame."""
        if self.border_subtitle != note:
            self.border_subtitle = note
        content = checks_content(checks, outlook)
        if not isinstance(self.content, Content) or not self.content.is_same(content):
            self.update(content)


class ProblemLine(OneLine):
    """The list in one line, for a narrow terminal."""

    _content = Content()

    def show(self, checks: Sequence[Check]) -> None:
        """Show other checks."""
        self._content = in_one_line(checks)
        self.redraw()

    def line(self, width: int) -> Content:
        keys = Content.styled("f8 goes there  f6 all", "$text-muted")
        room = width - keys.cell_length - 4
        left = Content.assemble(" ", self._content.truncate(max(room, 10), ellipsis=True))
        gap = max(width - left.cell_length - keys.cell_length - 1, 1)
        return Content.assemble(left, " " * gap, keys)
