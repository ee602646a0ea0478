"""A line of a form: label, control, and below it what is wrong or what helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Checkbox, Input, Select, Static, TextArea

from engine.text import shown
from tui.signs import MARK

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget


def choice(text: str, value: Any) -> tuple[Content, Any]:
    """An option for a `Select` whose text is shown literally; Textual reads a plain string as markup."""
    return Content(shown(text)), value


class Field(Vertical):
    """Wraps an `Input`, `Select`, `Checkbox` or `TextArea`; other widgets are shown, but have no value here.

    The line below takes no room while there is nothing to say.
    """

    DEFAULT_CSS = """
    Field {
        height: auto;
    }
    Field > Horizontal {
        height: auto;
    }
    Field .field--label {
        width: 12;
        height: 1;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        color: $text-muted;
    }
    Field:focus-within .field--label {
        color: $foreground;
        text-style: bold;
    }
    Field .field--control {
        width: 1fr;
    }
    Field > .field--note {
        display: none;
        height: auto;
        padding-left: 12;
        color: $text-muted;
    }
    Field > .field--note.-shown {
        display: block;
    }
    Field > .field--note.-error {
        color: $failed;
    }
    """

    class Changed(Message):
        """The control's value is another one; `field.value` has it."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

        @property
        def control(self) -> Field:
            """The field that posted it."""
            return self.field

    def __init__(self, label: str, control: Widget, *, help: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = label
        self.field_control = control
        self._label = Static(markup=False, classes="field--label")
        self._note = Static(markup=False, classes="field--note")
        self._help = help
        self._error = ""
        self._clean: Any = None
        self._known: Any = None
        self._ready = False
        if isinstance(control, Input | Select | TextArea | Checkbox):
            control.compact = True
        if isinstance(control, Input | TextArea):
            control.cursor_blink = False
        control.add_class("field--control")

    def compose(self) -> ComposeResult:
        yield Horizontal(self._label, self.field_control)
        yield self._note

    def on_mount(self) -> None:
        self._ready = True
        self.mark_clean()

    @property
    def value(self) -> Any:
        """The control's value; `None` for a `Select` without one and for controls without a value."""
        control = self.field_control
        if isinstance(control, TextArea):
            return control.text
        if isinstance(control, Select):
            return None if control.is_blank() else control.value
        return control.value if isinstance(control, Input | Checkbox) else None

    def set_value(self, value: Any) -> None:
        """Put a value in and take it as the saved one, without a `Changed`."""
        control = self.field_control
        with control.prevent(Input.Changed, Select.Changed, Checkbox.Changed, TextArea.Changed):
            if isinstance(control, TextArea):
                control.load_text(value)
            elif isinstance(control, Select):
                control.value = Select.NULL if value is None else value
            elif isinstance(control, Input | Checkbox):
                control.value = value
        self.mark_clean()

    def set_options(self, options: Sequence[tuple[Any, Any]]) -> None:
        """Have a `Select` offer other choices, without a `Changed`; the one that was made stays if it is among them."""
        select = self._select
        value = select.value
        with select.prevent(Select.Changed):
            select.set_options(options)
            if any(value == one for _, one in options):
                select.value = value

    def choose(self, value: Any) -> None:
        """Choose in a `Select`, `None` for nothing, without a `Changed`; what was saved stays the saved one."""
        select = self._select
        with select.prevent(Select.Changed):
            select.value = Select.NULL if value is None else value

    @property
    def _select(self) -> Select[Any]:
        assert isinstance(self.field_control, Select)
        return self.field_control

    @property
    def dirty(self) -> bool:
        """Whether the value is not the saved one."""
        return bool(self.value != self._clean)

    def mark_clean(self) -> None:
        """Take the value that stands there as the saved one."""
        self._clean = self._known = self.value
        self._show()

    @property
    def error(self) -> str:
        """What is wrong; empty when nothing is."""
        return self._error

    def set_error(self, text: str = "") -> None:
        """Say what is wrong with the value; an empty text takes it back."""
        if text != self._error:
            self._error = text
            self._show()

    def set_help(self, text: str = "") -> None:
        """Say what helps, such as how a typed time was understood; an error goes before it."""
        if text != self._help:
            self._help = text
            self._show()

    def focus_control(self) -> None:
        """Go to the control."""
        self.field_control.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._changed(event)

    def on_select_changed(self, event: Select.Changed) -> None:
        self._changed(event)

    def on_checkbox_changed(self, event: Checkbox.Changed) -> None:
        self._changed(event)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        self._changed(event)

    def _changed(self, event: Message) -> None:
        event.stop()
        # Controls also report the value they start with.
        if self._ready and self.value != self._known:
            self._known = self.value
            self._show()
            self.post_message(self.Changed(self))

    def _show(self) -> None:
        mark = MARK if self.dirty else ""
        self._update(self._label, Content(f"{self._text}{mark}"))
        note = self._error or self._help
        self._update(self._note, Content.assemble("! " if self._error else "", shown(note)))
        self._note.set_class(bool(note), "-shown")
        self._note.set_class(bool(self._error), "-error")

    @staticmethod
    def _update(widget: Static, content: Content) -> None:
        if not isinstance(widget.content, Content) or not widget.content.is_same(content):
            widget.update(content)
