"""The form itself: its fields, what stands in them as one value, and the way to each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Input, Select, Static

from engine import placeholders, routes
from engine.preflight_facts import ENDPOINT, OVER_QUOTA
from engine.text import shown
from store.types import Endpoint, OverQuota
from tui.first_steps import sender_step, template_step
from tui.screens.draft_choices import COUNTRY, FILE, NUMBER, SHEET, problem_of, sender_label, template_label
from tui.screens.draft_fields import (
    ACTIVITY,
    NAME,
    OF_FILE,
    OF_ROUTE,
    POLICY,
    SENDER,
    TEMPLATE,
    form_fields,
    route_values,
    with_value,
)
from tui.screens.draft_fills import FillLines, filled
from tui.screens.draft_form import FillText, Form, Source
from tui.screens.draft_timing import WHEN, ZONE
from tui.widgets.fill_row import searchable

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.content import ContentText
    from textual.widget import Widget

    from engine.placeholders import Placeholder
    from store.types import Account, Audience, Sender, Template
    from tui.widgets.field import Field
    from tui.widgets.fill_row import FillRow

READ_HELP: Final = "enter reads it; tab completes the path"


class FormPanel(VerticalScroll, can_focus=False):
    """Posts `Changed` with every change and `FileWanted` when the contact file is to be read."""

    class Changed(Message):
        """`panel.form` is another one."""

    class FileWanted(Message):
        """Enter in a field of the file, or its number column was chosen."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.form = Form()
        self._templates: dict[int, Template] = {}
        self._senders: dict[int, Sender] = {}
        self._columns: tuple[str, ...] = ()
        self._limited = False
        self.fields = form_fields()
        self._result = Static(markup=False, classes="result", id="result")
        self._fills = FillLines(id="fills")

    def compose(self) -> ComposeResult:
        yield Static("What", classes="section -first", markup=False)
        yield from (self.fields[name] for name in (NAME, SENDER, TEMPLATE, *OF_ROUTE))
        yield Static("Who", classes="section", markup=False)
        yield from (self.fields[name] for name in OF_FILE)
        yield self._result
        yield self._fills
        yield Static("When", classes="section", markup=False)
        yield from (self.fields[name] for name in (WHEN, ZONE, OVER_QUOTA))

    # What the screen hands in

    def set_choices(self, senders: Sequence[Sender], found: Sequence[Template], known: Account) -> None:
        """The senders and templates of the account; where there are none, how its gateway gives it some."""
        self._limited = known.quota is not None
        self._senders = {one.id: one for one in senders}
        self._templates = {one.id: one for one in found}
        self.fields[SENDER].set_options([searchable(sender_label(one), one.id) for one in senders])
        self.fields[TEMPLATE].set_options([searchable(template_label(one), one.id) for one in found])
        if not senders:
            self._select(SENDER).prompt = f"no sender yet: {sender_step(known.gateway)}"
        if not found:
            self._select(TEMPLATE).prompt = f"no template yet: {template_step(known.gateway)}"

    async def load(self, form: Form, audience: Audience | None) -> None:
        """Show another draft, everything in it saved."""
        self.form = form
        self._columns = ()
        self.show_audience(audience)
        self._set_number_columns(self._columns, form.file.number_column)
        self._set_sheets(())
        values = {
            NAME: form.name,
            SENDER: form.sender_id if form.sender_id in self._senders else None,
            TEMPLATE: form.template_id if form.template_id in self._templates else None,
            FILE: form.file.path,
            SHEET: None,
            COUNTRY: form.file.country,
            NUMBER: form.file.number_column,
            WHEN: form.when,
            ZONE: form.zone,
            OVER_QUOTA: form.over_quota.value,
            **route_values(form),
        }
        # Without a quota there is nothing to choose; a choice once made stays in sight.
        self.fields[OVER_QUOTA].display = self._limited or form.over_quota is not OverQuota.FAIL
        for name, field in self.fields.items():
            field.set_error()
            field.set_value(values[name])
        self._show_route()
        await self._build_fills()
        self.scroll_home(animate=False)

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """Those of the template chosen, in the order of the message."""
        template = self._templates.get(self.form.template_id or 0)
        if template is None:
            return ()
        return placeholders.used(template.components, template.parameter_format, self.form.fills)

    @property
    def keys(self) -> list[str]:
        """The placeholders' keys."""
        return [one.key for one in self.placeholders]

    def _set_columns(self, columns: Sequence[str]) -> None:
        if tuple(columns) == self._columns:
            return
        self._columns = tuple(columns)
        self._set_number_columns(columns, self.form.file.number_column)
        self._fills.set_columns(columns)

    def offer_number_columns(self, columns: Sequence[str]) -> None:
        """The columns of a file whose number column is not clear."""
        chosen = self.form.file.number_column
        self._set_number_columns(columns, chosen if chosen in columns else None)
        self.form = replace(self.form, file=replace(self.form.file, number_column=self.fields[NUMBER].value))

    def offer_sheets(self, sheets: Sequence[str], chosen: str | None = None) -> None:
        """The sheets of the workbook, and the one to stand there; with one sheet there is nothing to choose."""
        self._set_sheets(sheets)
        if len(sheets) > 1 and chosen in sheets:
            self.fields[SHEET].choose(chosen)
        self.form = replace(self.form, file=replace(self.form.file, sheet=self.fields[SHEET].value))

    def show_audience(self, audience: Audience | None) -> None:
        """Which file the audience came from, and which columns it has."""
        control = self.fields[FILE].field_control
        assert isinstance(control, Input)
        said = "~/lists/contacts.csv" if audience is None else f"{shown(audience.file)} is in; another path replaces it"
        if control.placeholder != said:
            control.placeholder = said
        self._set_columns(() if audience is None else audience.columns)

    def show_result(self, text: ContentText) -> None:
        """What the file gave, or how far reading it is."""
        if self._result.content != text:
            self._result.update(text)
        self._result.display = bool(str(text))

    def mark_saved(self) -> None:
        """Everything that stands there is saved; the file fields have a state of their own."""
        for name in (NAME, SENDER, TEMPLATE, *OF_ROUTE, OVER_QUOTA):
            self.fields[name].mark_clean()

    def mark_read(self) -> None:
        """The file was read as it stands there."""
        for name in OF_FILE:
            self.fields[name].mark_clean()

    async def fill_fixed(self, key: str, text: str) -> None:
        """Have a placeholder filled with the same text for all, as if it had been typed."""
        self.form = self.form.with_fill(key, FillText(Source.FIXED, fixed=text))
        await self._build_fills()
        self.post_message(self.Changed())

    # Ways to a field

    def go_to(self, field: str) -> None:
        """Focus the field of a check: a field's name or a placeholder's key."""
        if not self._fills.go_to(field) and field in self.fields:
            self.fields[field].focus_control()

    def key_under(self, widget: Widget | None) -> str | None:
        """The placeholder whose line a widget belongs to."""
        return None if widget is None else self._fills.key_under(widget)

    def is_of_file(self, widget: Widget | None) -> bool:
        """Whether a widget belongs to the fields that say which file to read and how."""
        return widget is not None and any(self.fields[name] in widget.ancestors for name in OF_FILE)

    # What people do

    async def on_field_changed(self, event: Field.Changed) -> None:
        event.stop()
        name = (event.field.id or "").removeprefix("f-")
        before = self.form
        if name == TEMPLATE and not self._template_allowed(event.field):
            return
        self.form = with_value(self.form, name, event.field.value)
        if self.form == before:
            return
        event.field.set_error()
        if name == FILE and self.fields[SHEET].display:
            self._set_sheets(())
        if name in (WHEN, ZONE):
            # A draft stores no time, so there is nothing to mark as unsaved.
            event.field.mark_clean()
        if name in (TEMPLATE, ENDPOINT):
            self._show_route()
        if name == TEMPLATE:
            await self._build_fills()
        self.post_message(self.Changed())
        if name in (NUMBER, SHEET):
            self.post_message(self.FileWanted())

    def _template_allowed(self, field: Field) -> bool:
        """Take back a choice that could not be sent, and say why; what a draft has already is left alone."""
        value = field.value
        if value == self.form.template_id:
            return True
        problem = problem_of(self._templates.get(value or 0))
        if problem is None:
            return True
        before = self.form.template_id if self.form.template_id in self._templates else None
        field.choose(before)
        field.set_error(f"{problem.text}. {problem.advice}")
        return False

    def on_fill_row_changed(self, event: FillRow.Changed) -> None:
        event.stop()
        row = event.row
        if not self._fills.shows(row):
            # A line of the template chosen before.
            return
        before = self.form.fills.get(row.key, FillText())
        after = filled(row, before)
        if after != before:
            self.form = self.form.with_fill(row.key, after)
            self.post_message(self.Changed())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter reads the file, and goes on from any other field."""
        event.stop()
        if self.is_of_file(event.input):
            self.post_message(self.FileWanted())
        else:
            self.screen.focus_next()

    # Parts

    def _select(self, name: str) -> Select[object]:
        control = self.fields[name].field_control
        assert isinstance(control, Select)
        return control

    def _set_number_columns(self, columns: Sequence[str], chosen: str | None) -> None:
        self.fields[NUMBER].set_options([searchable(f"column {column}", column) for column in columns])
        self.fields[NUMBER].choose(chosen if chosen in columns else None)

    def _set_sheets(self, sheets: Sequence[str]) -> None:
        several = sheets if len(sheets) > 1 else ()
        self.fields[SHEET].set_options([searchable(sheet, sheet) for sheet in several])
        self.fields[SHEET].display = bool(several)
        if not several:
            self.fields[SHEET].set_error()

    def _show_route(self) -> None:
        """The endpoint only where there is a choice, the rest of the route only where the endpoint knows it."""
        template = self._templates.get(self.form.template_id or 0)
        by_marketing = self.form.route.endpoint is Endpoint.MARKETING
        # A choice that does not fit the template any more has to be in sight to be taken back.
        offered = template is not None and routes.unfit(Endpoint.MARKETING, template.category) is None
        self.fields[ENDPOINT].display = offered or by_marketing
        values = route_values(self.form)
        for name in (POLICY, ACTIVITY):
            self.fields[name].display = by_marketing
            self.fields[name].choose(values[name])

    async def _build_fills(self) -> None:
        """A line for each placeholder of the template chosen."""
        await self._fills.show(self.placeholders, self.form.fills, self._columns)
