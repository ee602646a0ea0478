"""What the draft editor shows: the form, and beside it what would happen, kept in step while somebody types."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from textual import on
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.reactive import Reactive
from textual.widgets import Input

from engine import phone, preflight_facts
from engine.text import shown
from store.types import Status
from tui.command import Scope, footer
from tui.commands import of
from tui.screens import draft_timing
from tui.screens.base import ConsoleScreen
from tui.screens.draft_choices import FILE
from tui.screens.draft_form import OpenDraft
from tui.screens.draft_outlook import Looker
from tui.screens.draft_panel import READ_HELP, FormPanel
from tui.screens.draft_skipped import reasons, result
from tui.signs import MARK, word
from tui.widgets.footer import Footer
from tui.widgets.one_line import OneLine, ends
from tui.widgets.preflight import PreflightList, ProblemLine, to_mend
from tui.widgets.preview import MessagePreview
from tui.widgets.status_bar import READ_ONLY, clock

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer
    from textual.widget import Widget

    from engine.preflight_facts import Check, Facts
    from tui.screens.draft_import import Import
    from tui.screens.draft_outlook import Outlook, Sample

DELAY_S: Final = 0.25
"""The right-hand side follows the typing only when it rests."""
TICK_S: Final = 1.0
SLOW_S: Final = 0.5
"""An answer that takes longer is announced."""
_LOOK_AGAIN_TICKS: Final = 5
"""Balance, template and sender may change while the form is open."""


class DraftHeader(OneLine):
    """Which draft, whether anything in it is unsaved, and the time."""

    DEFAULT_CSS = "DraftHeader { background: $panel; }"

    _left = Content()
    _right = Content()

    def show(self, left: Content, right: Content) -> None:
        """Show something else; nothing is repainted when it looks the same."""
        self._left, self._right = left, right
        self.redraw()

    def line(self, width: int) -> Content:
        room = max(width - self._right.cell_length - 2, 10)
        return ends(self._left.truncate(room, ellipsis=True), self._right, width)


class DraftView(ConsoleScreen):
    """The looks of the editor; what its keys do is in `DraftActions`."""

    CSS_PATH = "draft.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 (Textual declares it as no class variable)
    AUTO_FOCUS = ""
    # Textual repaints the whole screen when the focus moves: 14 KB for a tab. The two fields repaint themselves.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self.draft = OpenDraft()
        self.outlook: Outlook | None = None
        self.importing: Import | None = None
        self.position = 0
        """Which recipient the preview shows, from 0."""
        self._looker = Looker()
        self._request = 0
        self._looking = False
        self._slow = False
        self._asking = False
        self._again = False
        self._delay: Timer | None = None
        self._ticks = 0

    def compose(self) -> ComposeResult:
        yield DraftHeader()
        with Horizontal(id="draft-panes"):
            yield FormPanel(id="form")
            with VerticalScroll(id="outlook"):
                yield MessagePreview(id="message")
                yield PreflightList(id="preflight")
        yield ProblemLine(id="problem-line")
        yield Footer()

    def on_mount(self) -> None:
        """The clocks move only while the editor is on the screen."""
        self.set_interval(TICK_S, self._tick)

    @property
    def panel(self) -> FormPanel:
        """The form."""
        return self.query_one(FormPanel)

    @property
    def timing(self) -> draft_timing.Timing:
        """What the time typed means now."""
        form = self.panel.form
        return draft_timing.read(form.when, form.zone, self.services.now)

    @property
    def narrow(self) -> bool:
        """Whether form and outlook take turns."""
        return self.has_class("-narrow")

    @property
    def checks(self) -> list[Check]:
        """The preflight with the time as its last line."""
        found = [] if self.outlook is None else list(self.outlook.preflight.checks)
        time_check = draft_timing.check(self.timing)
        return found if time_check is None else [*found, time_check]

    # Reading

    def forget(self) -> None:
        """Another draft: what is being read for the one before is dropped when it comes."""
        self._request += 1
        self.outlook = None
        self.position = 0

    @on(FormPanel.Changed)
    def _form_changed(self) -> None:
        self.show_header()
        if self._delay is not None:
            self._delay.stop()
        self._delay = self.set_timer(DELAY_S, self.look)

    def look(self) -> None:
        """Work out what would happen now; asked for while that is under way, once more after it."""
        self.show_timing()
        # What is being counted for the form as it was is given up.
        self._request += 1
        if self._looking:
            self._again = True
            return
        self._looking = True
        self.run_worker(self._look(), group="look")

    async def _look(self) -> None:
        slow = self.set_timer(SLOW_S, self._show_slow)
        try:
            while True:
                self._again = False
                request = self._request
                panel = self.panel
                fields = panel.form.fields(panel.keys)
                outlook = await self.reading(
                    self._looker.look,
                    fields,
                    self.draft.campaign_id,
                    self.position,
                    self.services.now,
                    partial(self._is_last, request),
                )
                # On its way out a screen loses its parts first.
                there = self.is_mounted and self.query_one_optional(MessagePreview) is not None
                if outlook is not None and self._is_last(request) and there:
                    self._slow = False
                    self._show(outlook)
                    self.in_background(partial(self._ask_gateway, outlook.facts), "health")
                if not self._again:
                    return
        finally:
            slow.stop()
            self._looking = self._slow = False

    async def _ask_gateway(self, facts: Facts) -> None:
        """Beside everything else, and at most once a minute: the preflight only reads what was answered."""
        if self._asking:
            return
        self._asking = True
        try:
            if await self.asked_gateway(facts.sender, facts.template) and self.is_mounted:
                self.look()
        finally:
            self._asking = False

    def _show_slow(self) -> None:
        self._slow = True
        self.show_timing()

    def _is_last(self, request: int) -> bool:
        return request == self._request

    def _tick(self) -> None:
        if not self.is_current:
            return
        self._ticks += 1
        if self._ticks % _LOOK_AGAIN_TICKS == 0 and self.outlook is not None and not self._looking:
            self.look()
        else:
            self.show_timing()
        self.show_header()

    # Showing

    def _show(self, outlook: Outlook) -> None:
        self.outlook = outlook
        with self.app.batch_update():
            self.panel.show_audience(outlook.audience)
            self.show_result()
            self._show_message(outlook.sample)
            self.show_timing()
            self.show_header()
            self.show_footer()

    def show_loading(self) -> None:
        """Before the first answer."""
        self.query_one(MessagePreview).show_nothing("Reading …")
        self.show_result()
        self.show_timing()
        self.show_header()
        self.show_footer()

    def _show_message(self, sample: Sample | None) -> None:
        preview = self.query_one(MessagePreview)
        if sample is None or self.outlook is None:
            preview.show_nothing("Choose a template to see the message.")
            return
        self.position = sample.position
        if sample.phone is None:
            preview.show_message(sample.preview, sample.problems)
            return
        which = f"{sample.position + 1:,} of {self.outlook.facts.valid:,}   f3 f4"
        preview.show_message(sample.preview, sample.problems, phone.display(sample.phone), which)

    def show_result(self) -> None:
        """What the file gave, or how far reading it is."""
        field = self.panel.fields[FILE]
        if self.importing is not None:
            self.panel.show_result(Content(shown(self.importing.words)))
            field.set_help()
            return
        field.set_help(READ_HELP if self.panel.form.file.path and self.draft.unread(self.panel.form) else "")
        if self.outlook is None or self.outlook.audience is None:
            self.panel.show_result(Content())
            return
        facts = self.outlook.facts
        said = Content(result(self.outlook.audience, facts.valid, facts.skipped))
        if facts.skipped:
            said = Content.assemble(said, "\n", reasons(facts.skipped), ("   f9 shows them", "$text-muted"))
        self.panel.show_result(said)

    def show_timing(self) -> None:
        """What depends on the time: the echo below the field, the list, the one line."""
        timing, form, now = self.timing, self.panel.form, self.services.now
        when, zone = self.panel.fields[draft_timing.WHEN], self.panel.fields[draft_timing.ZONE]
        said = "" if timing.error is None else f"{timing.error.message} {timing.error.hint}".strip()
        when.set_error("" if timing.wrong_zone else said)
        zone.set_error(said if timing.wrong_zone else "")
        when.set_help(draft_timing.echo(timing, form.zone, now))
        checks = self.checks
        facts = None if self.outlook is None else self.outlook.facts
        rate = None if facts is None or facts.sender is None else facts.sender.rate
        valid = 0 if facts is None else facts.valid
        lines = draft_timing.outlook(timing, form.zone, now, valid, rate)
        blocked = any(check.level is preflight_facts.Level.BLOCK for check in checks)
        note = "f8 first problem" if blocked else "ctrl+g schedules"
        if self._slow or self.outlook is None:
            note = "counting …" if self._slow else ""
        self.query_one(PreflightList).show(checks, lines, note)
        self.query_one(ProblemLine).show(checks, "form" if self.has_class("-flipped") else "all")

    def show_header(self) -> None:
        """The first line."""
        form, draft = self.panel.form, self.draft
        changed = draft.changed(form, self.panel.keys)
        left = Content.assemble(
            " ",
            (word(draft.status), "bold" if draft.status is Status.DRAFT else "bold $held"),
            "  ",
            shown(form.name.strip()) or "Untitled",
            f" {MARK}" if changed else "",
        )
        if self.read_only:
            left = Content.assemble(left, "  ", (READ_ONLY, "bold reverse $held"))
        saved = "new, not saved yet" if draft.campaign_id is None else "not saved" if changed else "saved"
        right = f"{saved}   {clock(self.services.now, self.services.zone)} "
        self.query_one(DraftHeader).show(left, Content(right))

    def show_footer(self) -> None:
        """The keys that work now."""
        typing = isinstance(self.focused, Input)
        self.query_one(Footer).show(footer(of(Scope.DRAFT, Scope.EVERYWHERE), self, typing))

    def to_mend(self) -> list[Check]:
        """What forbids the launch, then what warns, each with a field to go to."""
        return [check for check in to_mend(self.checks) if check.field]
