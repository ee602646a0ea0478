"""The draft editor: left the form, right what will happen; what its keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events, on

from engine import lifecycle
from engine.errors import EngineError, Refused
from engine.lifecycle import Action
from store import account, campaigns, tallies
from tui.command import Command, Scope, refusal
from tui.commands import COMMANDS, bindings
from tui.screens.draft_choice import Choice, Way
from tui.screens.draft_fields import NAME
from tui.screens.draft_form import Form, OpenDraft
from tui.screens.draft_panel import FormPanel
from tui.screens.draft_skipped import SkippedRows
from tui.screens.draft_test import DraftTest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.binding import BindingType
    from textual.widget import Widget

    from store.types import Account, Campaign, Sender, Template
    from tui.screens.draft_outlook import Outlook

    _Found = tuple[list[Sender], list[Template], Account, Campaign | None]

_SAVE, _DISCARD = "s", "d"


class DraftScreen(DraftTest):
    """A mode that stays mounted; `open` shows another draft in it."""

    SCOPE = Scope.DRAFT
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.DRAFT, Scope.EVERYWHERE)

    def refuses(self, command: Command) -> EngineError | None:
        """What the engine would answer now."""
        if command.id == "draft.flip" and not self.narrow:
            return Refused("not_now", "The form and the preview are both on the screen.")
        action = Action.EDIT if command.id == "draft.save" else command.act
        if action is None:
            return None
        return lifecycle.refusal(action, self.draft.status, scheduled_at=None, now=self.services.now)

    def __init__(self) -> None:
        super().__init__()
        self._left: Widget | None = None
        """Which field had the focus when the form gave way."""

    # Opening and leaving

    async def open(self, campaign_id: int | None) -> None:
        """Show a draft, or a new one, of which nothing is stored until it is saved or a file is read into it."""
        self.forget()
        self.remove_class("-flipped")
        found = await self.reading(_read, campaign_id)
        if found is None:
            await self.console.open_list()
            return
        await self._show_draft(campaign_id, found)
        self.panel.go_to(NAME)
        # At once: what was typed while it opened is the name.
        self.set_focus(self.panel.fields[NAME].field_control)

    async def _show_draft(self, campaign_id: int | None, found: _Found) -> None:
        senders, templates, known, campaign = found
        panel = self.panel
        panel.set_choices(senders, templates, known)
        when, zone = self.typed_times.get(campaign_id or 0, ("", self.services.zone))
        if campaign is None:
            form = Form(sender_id=senders[0].id if len(senders) == 1 else None, zone=zone)
            await panel.load(form, None)
            self.draft = OpenDraft(saved=form.fields(()))
        else:
            form = Form.of(campaign, when, zone)
            await panel.load(form, campaign.audience)
            self.draft = OpenDraft.of(campaign, form, panel.keys)
        self._tried = panel.form.file
        self.mended = -1
        self.show_loading()
        self.look()

    def _show(self, outlook: Outlook) -> None:
        super()._show(outlook)
        if self._is_behind(outlook.version):
            self.run_errand(self._catch_up)

    def _is_behind(self, version: int) -> bool:
        """Whether somebody else saved the draft meanwhile, and nothing is lost here by showing what they saved."""
        quiet = self.is_current and self.importing is None and not self._writing.locked()
        return quiet and version > self.draft.version and not self.draft.changed(self.panel.form, self.panel.keys)

    async def _catch_up(self) -> None:
        """Show the draft as somebody else saved it; what is typed and never saved, the time, stays."""
        campaign_id = self.draft.campaign_id
        if campaign_id is None:
            return
        found = await self.reading(_read, campaign_id)
        event = await self.last_change(campaign_id)
        if found is None or found[3] is None or not self._is_behind(found[3].version):
            # Gone, or something was typed meanwhile: saving tells what there is to decide.
            return
        self.typed_times[campaign_id] = (self.panel.form.when, self.panel.form.zone)
        self.forget()
        await self._show_draft(campaign_id, found)
        who = "Somebody else changed it." if event is None else event
        self.notify(f"{who} This is how it is now.", markup=False, timeout=8)

    def action_back(self) -> None:
        """Stop reading the file, or turn back to the form, or leave; asks when something is not saved."""
        if self.importing is not None:
            self.importing.stop()
        elif self.narrow and self.has_class("-flipped"):
            self.action_flip()
        else:
            self.run_errand(self._leave)

    def holds_quit(self) -> bool:
        """Asked before the console ends: whether something is not saved; then the operator is asked what becomes of it.

        An answer that lets it go ends the console by itself.
        """
        changed = self.draft.changed(self.panel.form, self.panel.keys)
        if changed:
            self.run_errand(self._quit)
        return changed

    async def _quit(self) -> None:
        if await self._may_leave():
            # Nothing is left to ask about.
            self.draft = self.draft.taken(self.panel.form, self.panel.keys)
            await self.console.action_quit()

    async def _may_leave(self) -> bool:
        """Whether nothing that was typed is lost, or the operator wants it to be."""
        if not self.draft.changed(self.panel.form, self.panel.keys):
            return True
        ways = [Way(_SAVE, "Save"), Way(_DISCARD, "Discard")]
        if refusal(COMMANDS["draft.save"], self) is not None:
            ways = ways[1:]
        steady = self.services.context.clock.steady
        answer = await self.app.push_screen_wait(
            Choice("Leave the draft?", ["What you changed is not saved."], ways, "Stay", steady)
        )
        return answer == _DISCARD or (answer == _SAVE and await self.save_all())

    async def _leave(self) -> None:
        if not await self._may_leave():
            return
        form, campaign_id = self.panel.form, self.draft.campaign_id
        if campaign_id is not None:
            self.typed_times[campaign_id] = (form.when, form.zone)
        self.forget()
        await self.console.open_list(campaign_id)

    @on(FormPanel.FileWanted)
    def _file_wanted(self) -> None:
        form = self.panel.form
        if form.file.path or self.draft.audience is not None:
            self.run_worker(self.read_file(), group="file")
        else:
            self.focus_next()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Leaving the file's fields reads the file, if it was not tried as it stands there."""
        self.show_footer()
        panel = self.panel
        if panel.is_of_file(event.widget) or self.importing is not None or self.read_only:
            return
        if panel.form.file != self._tried and self.draft.unread(panel.form):
            self.run_worker(self.read_file(), group="file")

    # Looking around

    def action_problem(self) -> None:
        """To the field of the first problem; pressed again, of the next."""
        found = self.to_mend()
        if not found:
            self.notify("Nothing stands in its way: ctrl+g schedules it.", markup=False, timeout=3)
            return
        self.mended = (self.mended + 1) % len(found)
        self.go_to(found[self.mended])
        self.show_timing()

    @on(FormPanel.Changed)
    def _problems_changed(self) -> None:
        self.mended = -1

    def action_flip(self) -> None:
        """In a narrow terminal change between the form and what will happen; back to the field where one was."""
        was = self.focused
        self.toggle_class("-flipped")
        self.show_timing()
        if self.has_class("-flipped"):
            self._left = was
            self.query_one("#outlook").focus()
        elif self._left is not None and self._left.is_attached and self._left.focusable:
            # As coming back to the terminal does, which leaves the cursor where it was: a field that is newly gone to
            # has its text chosen, and the next letter would replace it.
            self.set_focus(self._left, from_app_focus=True)
        else:
            self.panel.go_to(NAME)

    def action_step(self, by: int) -> None:
        """Preview another recipient."""
        if self.outlook is None or not self.outlook.facts.valid:
            self.tell(Refused("not_now", "There is no recipient to preview yet.", "Choose a contact file first."))
            return
        position = self.position + by
        if 0 <= position < self.outlook.facts.valid:
            self.position = position
            self.look()

    def action_upload(self) -> None:
        """Upload a file and fill a header with it."""
        from tui.screens.draft_upload import upload_file

        self.run_worker(upload_file(self))

    async def action_skipped(self) -> None:
        """The rows that get no message, as they were when the draft was last saved."""
        draft = self.draft
        if draft.campaign_id is None or draft.audience is None:
            self.tell(Refused("not_now", "There is no audience yet.", "Choose a contact file first."))
            return
        skipped: Mapping[str, int] | None = await self.reading(tallies.of, draft.campaign_id, tallies.SKIP)
        if not skipped:
            if skipped is not None:
                self.notify("No row is skipped.", markup=False, timeout=3)
            return
        unsaved = draft.unsaved(self.panel.form, self.panel.keys)
        note = "   (as last saved)" if unsaved else ""
        threads = self.services.threads
        self.app.push_screen(SkippedRows(threads, draft.campaign_id, draft.audience, skipped, note))


def _read(campaign_id: int | None) -> _Found:
    """What the form offers, the account, and the draft."""
    campaign = None if campaign_id is None else campaigns.get(campaign_id)
    return account.senders(), account.templates(), account.get_account(), campaign
