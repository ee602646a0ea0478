"""What the draft editor shows: the form, and beside it what would happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
from tui.screens.draft_choices import FILE
from tui.screens.draft_fields import file_check
from tui.screens.draft_form import OpenDraft
from tui.screens.draft_looking import DraftLooking
from tui.screens.draft_panel import READ_HELP, FormPanel
from tui.screens.draft_skipped import reasons, result
from tui.signs import MARK, word
from tui.widgets.footer import Footer
from tui.widgets.preflight import PreflightList, ProblemLine, to_mend
from tui.widgets.preview import MessagePreview
from tui.widgets.status_bar import READ_ONLY, clock
from tui.widgets.title_line import TitleLine

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from engine.errors import EngineError
    from engine.preflight_facts import Check
    from tui.screens.draft_import import Import
    from tui.screens.draft_outlook import Outlook, Sample


_NOT_SAVED: Final = "not saved with the draft, ctrl+g sets it"
"""Said beside a typed time, of which a draft stores nothing; the console keeps it while it runs."""


class DraftView(DraftLooking):
    """The looks of the editor; what its keys do is in `DraftScreen`."""

    CSS_PATH = "draft.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 (Textual declares it as no class variable)
    AUTO_FOCUS = ""
    # Textual repaints the whole screen when the focus moves: 14 KB for a tab. The two fields repaint themselves.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self.draft = OpenDraft()
        self.mended = -1
        """Which of the problems f8 went to last, -1 for none yet."""
        self.importing: Import | None = None

    def compose(self) -> ComposeResult:
        yield TitleLine()
        with Horizontal(id="draft-panes"):
            yield FormPanel(id="form")
            with VerticalScroll(id="outlook"):
                yield MessagePreview(id="message")
                yield PreflightList(id="preflight")
        yield ProblemLine(id="problem-line")
        yield Footer()

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
        """The preflight, then a contact file that cannot be read, then the time."""
        found = [] if self.outlook is None else list(self.outlook.preflight.checks)
        file = file_check(self.panel.fields) if self.draft.unread(self.panel.form) else None
        if file is not None:
            # To choose a file is what was tried.
            found = [*(check for check in found if check.code != "audience_missing"), file]
        return [*found, *self.time_checks]

    @property
    def time_checks(self) -> list[Check]:
        """What is wrong with zone and time; a zone that there is not hides nothing of a time that never could be."""
        timing = self.timing
        found = [draft_timing.check(timing)]
        if timing.wrong_zone:
            found.append(draft_timing.check(self._time_alone))
        return [check for check in found if check is not None]

    @property
    def _time_alone(self) -> draft_timing.Timing:
        """What can be said of the time typed whatever its zone: that there is none, or that nobody can read it."""
        read = draft_timing.read(self.panel.form.when, self.services.zone, self.services.now)
        unreadable = read.error is not None and read.error.code == "bad_time"
        # Whether it has passed, say, nobody knows without the zone; nothing is said of it then.
        return read if read.missing or unreadable else draft_timing.Timing(now=True)

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
        when.set_error(_told((self._time_alone if timing.wrong_zone else timing).error))
        zone.set_error(_told(timing.error) if timing.wrong_zone else "")
        echo = draft_timing.echo(timing, form.zone, now)
        when.set_help(f"{echo}; {_NOT_SAVED}" if timing.at is not None else echo)
        checks = self.checks
        facts = None if self.outlook is None else self.outlook.facts
        rate = None if facts is None or facts.sender is None else facts.sender.rate
        valid = 0 if facts is None else facts.valid
        lines = draft_timing.outlook(timing, form.zone, now, valid, rate)
        blocked = any(check.level is preflight_facts.Level.BLOCK for check in checks)
        f8 = "f8 first problem" if self.mended < 0 else "f8 next problem"
        note = f8 if blocked else "ctrl+g schedules"
        if self._slow or self.outlook is None:
            note = "counting …" if self._slow else ""
        self.query_one(PreflightList).show(checks, lines, note)
        self.query_one(ProblemLine).show(checks, self.next_to_mend, "form" if self.has_class("-flipped") else "all")

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
        self.query_one(TitleLine).show(left, Content(right))

    def show_footer(self) -> None:
        """The keys that work now."""
        typing = isinstance(self.focused, Input)
        self.query_one(Footer).show(footer(of(Scope.DRAFT, Scope.EVERYWHERE), self, typing))

    def to_mend(self) -> list[Check]:
        """What forbids the launch, then what warns, each with a field to go to."""
        return [check for check in to_mend(self.checks) if check.field]

    @property
    def next_to_mend(self) -> Check | None:
        """The problem that f8 goes to, `None` without any."""
        found = self.to_mend()
        return found[(self.mended + 1) % len(found)] if found else None


def _told(error: EngineError | None) -> str:
    return "" if error is None else f"{error.message} {error.hint}".strip()
