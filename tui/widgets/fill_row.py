"""The line of the form for one placeholder: where its text comes from, and the text itself or the fallback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from rich.text import Text
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Select, Static

from engine.text import fold, shown
from engine.typed_values import WORDS, Kind
from tui.widgets.plain_input import PlainInput

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.placeholders import Placeholder

Value = TypeVar("Value")

NONE: Final = "none"
FIXED: Final = "fixed"
_COLUMN: Final = "column "


def searchable(text: str, value: Value) -> tuple[Text, Value]:
    """An option for a `Select`, shown literally and found by typing, which looks only at this kind of text."""
    return Text(shown(text)), value


def source_value(source: str, column: str) -> str:
    """The option for a source."""
    return _COLUMN + column if source == "column" else source


def options(columns: Sequence[str], column: str, name: str) -> list[tuple[Text, str]]:
    """What can be chosen: nothing, always the text, each column; a column that bears the placeholder's name first.

    A column that was chosen and that the audience does not have stays, and says so.
    """
    alike = [one for one in columns if not name.isdecimal() and fold(one) == fold(name)]
    rest = [one for one in columns if one not in alike]
    found = [searchable("choose …", NONE), searchable("always the text", FIXED)]
    found += [searchable(f"column {one}", _COLUMN + one) for one in (*alike, *rest)]
    if column and column not in columns:
        found.append(searchable(f"column {column} (not in the file)", _COLUMN + column))
    return found


class FillRow(Horizontal):
    """Label, source, text. The screen is told of every change."""

    DEFAULT_CSS = """
    FillRow {
        height: 1;
    }
    FillRow > .fill--label {
        width: 12;
        height: 1;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        color: $text-muted;
    }
    FillRow:focus-within > .fill--label {
        color: $foreground;
        text-style: bold;
    }
    FillRow > .fill--source {
        width: 1fr;
        margin-right: 1;
    }
    FillRow SelectOverlay {
        min-width: 36;
    }
    FillRow > .fill--text {
        width: 1fr;
    }
    """

    class Changed(Message):
        """Another source or text."""

        def __init__(self, row: FillRow) -> None:
            super().__init__()
            self.row = row

    def __init__(
        self,
        placeholder: Placeholder,
        columns: Sequence[str],
        source: str,
        column: str,
        text: str,
        width: int,
        read_only: bool = False,
    ) -> None:
        super().__init__()
        self.placeholder = placeholder
        self._width = width
        self._column = column
        value = source_value(source, column)
        self._source: Select[str] = Select(
            options(columns, column, placeholder.name),
            allow_blank=False,
            value=value,
            compact=True,
            type_to_search=True,
            classes="fill--source",
        )
        self._text = PlainInput(text, placeholder=self._hint(value), compact=True, classes="fill--text")
        self._text.cursor_blink = False

    def compose(self) -> ComposeResult:
        label = Static(Content(shown(self.placeholder.key)), markup=False, classes="fill--label")
        label.styles.width = self._width
        yield label
        yield self._source
        yield self._text

    @property
    def key(self) -> str:
        """The placeholder's key."""
        return self.placeholder.key

    @property
    def source(self) -> tuple[str, str]:
        """`none`, `fixed` or `column`, and the column's name."""
        value = str(self._source.value)
        if value.startswith(_COLUMN):
            return "column", value.removeprefix(_COLUMN)
        return value, self._column

    @property
    def text(self) -> str:
        """What stands in the field."""
        return self._text.value

    def set_text(self, text: str) -> None:
        """Put another text into the field, without a `Changed`."""
        with self.prevent(Input.Changed):
            self._text.value = text

    def set_columns(self, columns: Sequence[str]) -> None:
        """Offer the columns of another audience; the choice stays."""
        _, column = self.source
        value = self._source.value
        with self.prevent(Select.Changed):
            self._source.set_options(options(columns, column, self.placeholder.name))
            self._source.value = value

    def focus_control(self) -> None:
        """Go to the source, or to the text where the source is chosen."""
        (self._source if self._source.value == NONE else self._text).focus()

    def on_select_changed(self, event: Select.Changed) -> None:
        event.stop()
        source, column = self.source
        self._column = column if source == "column" else self._column
        self._text.placeholder = self._hint(str(self._source.value))
        self.post_message(self.Changed(self))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self))

    def _hint(self, value: str) -> str:
        if value == FIXED and self.placeholder.kind is not Kind.TEXT:
            return WORDS[self.placeholder.kind]
        if value == FIXED:
            example = shown(self.placeholder.example)
            return f"the text, such as {example}" if example else "the text"
        if not self.placeholder.required:
            return "may stay empty"
        return "fallback for blank cells" if value.startswith(_COLUMN) else ""
