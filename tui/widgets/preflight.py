"""What stands between the draft and its launch, as a list, and as one line where there is no room for the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.widget import Widget

from engine.preflight_facts import Level
from engine.text import shown
from tui.widgets.one_line import OneLine

if TYPE_CHECKING:
    from textual.geometry import Size

    from engine.preflight_facts import Check

SIGNS: Final = {Level.OK: "✓", Level.WARN: "!", Level.BLOCK: "✗"}
_TONES: Final = {Level.OK: "", Level.WARN: "bold $held", Level.BLOCK: "bold $failed"}
FIELD_WORDS: Final = {
    "name": "Name",
    "sender": "Sender",
    "template": "Template",
    "file": "File",
    "sheet": "Sheet",
    "country": "Country",
    "number": "Numbers in",
    "when": "Time",
    "zone": "Zone",
    "over_quota": "Over quota",
    "endpoint": "Endpoint",
}
_WORDS: Final = {
    "unmapped_placeholder": ("{field} has no text yet", "Choose a column, or type a text."),
    "no_such_column": ("{field} is filled from a column that the file does not have", "Choose one that is there."),
    "endpoint_unfit": ("marketing_messages takes only marketing templates", "Choose messages, or another template."),
}
"""What the engine says of these checks names options of the command line; here each has a field of its own."""


def words(check: Check) -> str:
    """What is right or wrong."""
    said = _WORDS.get(check.code)
    return check.text if said is None or not check.field else said[0].format(field=check.field)


def advice(check: Check) -> str:
    """What to do about a check, with the field it belongs to."""
    what_to_do = _WORDS[check.code][1] if check.code in _WORDS else check.advice
    field = FIELD_WORDS.get(check.field, check.field)
    return f"{field}: {what_to_do}" if field and what_to_do else what_to_do


def to_mend(checks: Sequence[Check]) -> list[Check]:
    """The checks that forbid the launch, then those that warn."""
    return [check for level in (Level.BLOCK, Level.WARN) for check in checks if check.level is level]


def hanging(sign: str, tone: str, text: Content, width: int) -> list[Content]:
    """A text behind a sign, its further lines as far to the right as its first."""
    lines = text.wrap(max(width - len(sign), 1))
    first = Content.assemble((sign, tone), lines[0] if lines else "")
    return [first, *(line.pad_left(len(sign)) for line in lines[1:])]


def list_lines(checks: Sequence[Check], outlook: Sequence[str], width: int) -> list[Content]:
    """Every check with its sign, advice below what is wrong, then when it goes and until when it can be cancelled."""
    found: list[Content] = []
    for check in checks:
        found += hanging(f"{SIGNS[check.level]} ", _TONES[check.level], Content(shown(words(check))), width)
        if check.level is not Level.OK and (what_to_do := advice(check)):
            found += hanging("  ", "", Content.styled(shown(what_to_do), "$text-muted"), width)
    if found and outlook:
        found.append(Content())
    for line in outlook:
        found += hanging("  ", "", Content(shown(line)), width)
    return found


def in_one_line(checks: Sequence[Check], named: Check | None = None) -> Content:
    """How many problems there are and one of them by name, the first unless another is `named`."""
    blocking = [check for check in checks if check.level is Level.BLOCK]
    warnings = [check for check in checks if check.level is Level.WARN]
    if not blocking and not warnings:
        return Content("✓ ready: nothing stands in its way")
    said = shown(words(named or (blocking or warnings)[0]))
    if not blocking:
        return Content.assemble(("! ", _TONES[Level.WARN]), f"ready, but {said}")
    count = "1 problem" if len(blocking) == 1 else f"{len(blocking)} problems"
    return Content.assemble(("✗ ", _TONES[Level.BLOCK]), (count, "bold"), f": {said}")


class PreflightList(Widget):
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
        super().__init__(id=id)
        self.border_title = "Before it goes"
        self._said: tuple[tuple[Check, ...], tuple[str, ...]] = ((), ())

    def show(self, checks: Sequence[Check], outlook: Sequence[str], note: str = "") -> None:
        """Show other checks; nothing is repainted when they are the same. `note` stands in the frame."""
        if self.border_subtitle != note:
            self.border_subtitle = note
        said = tuple(checks), tuple(outlook)
        if said != self._said:
            self._said = said
            self.refresh(layout=True)

    def render(self) -> Content:
        """The lines for the width there is."""
        return Content("\n").join(list_lines(*self._said, self.content_size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are."""
        return len(list_lines(*self._said, width))


class ProblemLine(OneLine):
    """The list in one line, for a narrow terminal."""

    _content = Content()
    _flips_to = ""

    def show(self, checks: Sequence[Check], goes_to: Check | None, flips_to: str) -> None:
        """Show other checks; `goes_to` is the one that f8 goes to, `flips_to` what f6 shows."""
        self._content = in_one_line(checks, goes_to)
        self._flips_to = flips_to
        self.redraw()

    def line(self, width: int) -> Content:
        keys = Content.styled(f"f8 goes there  f6 {self._flips_to}", "$text-muted")
        room = width - keys.cell_length - 4
        left = Content.assemble(" ", self._content.truncate(max(room, 10), ellipsis=True))
        gap = max(width - left.cell_length - keys.cell_length - 1, 1)
        return Content.assemble(left, " " * gap, keys)
