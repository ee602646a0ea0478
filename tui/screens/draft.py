"""The draft editor: left the form, right what will happen; what its keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events, on

from engine import lifecycle, schedule
from engine.commands import launch
from engine.errors import EngineError, Refused
from engine.lifecycle import Action
from engine.text import shown
from store import account, campaigns, ledger, tallies
from tui.command import Command, Scope
from tui.commands import bindings
from tui.screens import draft_timing
from tui.screens.confirm import Confirm, Question
from tui.screens.draft_choice import Choice, Way
from tui.screens.draft_form import Form, OpenDraft
from tui.screens.draft_launch import UNTITLED, schedule_question, send_question
from tui.screens.draft_panel import FILE, NAME, FormPanel
from tui.screens.draft_saving import DraftSaving
from tui.screens.draft_skipped import SkippedRows
from tui.widgets.footer import Footer
from tui.widgets.preflight import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.binding import BindingType

    from engine.preflight import Check, Preflight
    from store.types import Campaign, Sender, Template

_SAVE, _DISCARD = "s", "d"


class DraftScreen(DraftSaving):
    """A mode that stays mounted; `open` shows another draft in it."""

    SCOPE = Scope.DRAFT
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.DRAFT, Scope.EVERYWHERE)

    def __init__(self) -> None:
        super().__init__()
        self._typed_times: dict[int, tuple[str, str]] = {}
        """Time and zone typed for a draft: a draft stores none, and typing them once has to be enough."""
        self._mended = -1

    def refuses(self, command: Command) -> EngineError | None:
        """What the engine would answer now."""
        if command.id == "draft.flip" and not self.narrow:
            return Refused("not_now", "The form and the preview are both on the screen.")
        action = Action.EDIT if command.id == "draft.save" else command.act
        if action is None:
            return None
        return lifecycle.refusal(action, self.draft.status, scheduled_at=None, now=self.services.now)

    # Opening and leaving

    async def open(self, campaign_id: int | None) -> None:
        """Show a draft, or a new one, of which nothing is stored until it is saved or a file is read into it."""
        self.forget()
        self.remove_class("-flipped")
        found = await self.reading(_read, campaign_id)
        if found is None:
            await self.console.open_list()
            return
        senders, templates, campaign = found
        panel = self.panel
        panel.set_choices(senders, templates)
        when, zone = self._typed_times.get(campaign_id or 0, ("", self.services.zone))
        if campaign is None:
            form = Form(sender_id=senders[0].id if len(senders) == 1 else None, zone=zone)
            await panel.load(form, None)
            self.draft = OpenDraft(saved=form.fields(()))
        else:
            form = Form.of(campaign, when, zone)
            await panel.load(form, campaign.audience)
            self.draft = OpenDraft.of(campaign, form, panel.keys)
        self._tried = panel.form.file
        self._mended = -1
        self.show_loading()
        self.look()
        panel.go_to(NAME)

    def action_back(self) -> None:
        """Stop reading the file, or turn back to the form, or leave; asks when something is not saved."""
        if self.importing is not None:
            self.importing.stop()
        elif self.narrow and self.has_class("-flipped"):
            self.action_flip()
        else:
            self.run_worker(self._leave(), exclusive=True, group="leave")

    async def _leave(self) -> None:
        if self.draft.changed(self.panel.form, self.panel.keys):
            ways = [Way(_SAVE, "Save"), Way(_DISCARD, "Discard")]
            if self.read_only or self.refuses_saving:
                ways = ways[1:]
            answer = await self.app.push_screen_wait(
                Choice("Leave the draft?", ["What you changed is not saved."], ways, "Stay", self._steady)
            )
            if answer == _SAVE:
                if not await self._save_all():
                    return
            elif answer != _DISCARD:
                return
        self._remember_time()
        await self.console.open_list(self.draft.campaign_id)

    @property
    def refuses_saving(self) -> bool:
        """Whether it is no draft any more."""
        refused = lifecycle.refusal(Action.EDIT, self.draft.status, scheduled_at=None, now=self.services.now)
        return refused is not None

    def _steady(self) -> float:
        return self.services.context.clock.steady()

    def _remember_time(self) -> None:
        form = self.panel.form
        if self.draft.campaign_id is not None:
            self._typed_times[self.draft.campaign_id] = (form.when, form.zone)

    # Saving and reading the file

    def action_save(self) -> None:
        """Save; a file that was typed and not read yet is read too."""
        self.run_worker(self._save_told(), group="save")

    async def _save_told(self) -> None:
        if await self._save_all():
            self.notify(f"Saved “{shown(self.panel.form.name.strip()) or UNTITLED}”.", markup=False, timeout=3)

    async def _save_all(self) -> bool:
        if not await self.save():
            return False
        if self.draft.unread(self.panel.form):
            return await self._read_or_show()
        return True

    async def _read_or_show(self) -> bool:
        done = await self.read_file()
        if not done and self.panel.fields[FILE].error:
            self.panel.go_to(FILE)
        return done

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

    # Launching

    def action_schedule(self) -> None:
        """Save, check, ask, then schedule or send."""
        self.run_worker(self._launch(), exclusive=True, group="launch")

    async def _launch(self) -> None:
        if self.importing is not None:
            self.tell(Refused("importing", "The file is still being read.", "Press ctrl+g again when it is done."))
            return
        if not await self._save_all():
            return
        campaign_id = self.draft.campaign_id
        # It has just been saved.
        assert campaign_id is not None
        checked = await self.doing(launch.check, campaign_id)
        free = await self.reading(ledger.balance)
        if checked is None or free is None:
            return
        timing = self.timing
        time_check = draft_timing.check(timing)
        blocking = [*checked.blocking, *([] if time_check is None else [time_check])]
        if blocking:
            self._tell_blocked(blocking)
        elif timing.now:
            await self._send(campaign_id, checked, free.free)
        elif timing.at is not None:
            await self._schedule(campaign_id, timing.at, checked, free.free)

    def _tell_blocked(self, blocking: list[Check]) -> None:
        first = blocking[0]
        what = "; ".join(words(check) for check in blocking)
        self.tell(Refused(first.code, f"It cannot go yet: {what}.", "The first of them is where you are now."))
        self._go_to(first)
        self.look()

    async def _ask(self, question: Question) -> bool:
        answer = await self.app.push_screen_wait(Confirm(question, self.services.context.clock))
        return answer is True and await self._still_mine()

    async def _still_mine(self) -> bool:
        """What was confirmed has to be what goes: nobody changed it while the dialog was open."""
        campaign_id = self.draft.campaign_id
        assert campaign_id is not None
        now = await self.reading(campaigns.get, campaign_id)
        if now is None:
            return False
        if now.version == self.draft.version:
            return True
        self.tell(
            Refused(
                "changed_meanwhile",
                "Somebody else changed this draft while you were asked; nothing was done.",
                "Look at it again: press ctrl+s to see what to do.",
            )
        )
        return False

    async def _schedule(self, campaign_id: int, at: int, checked: Preflight, free: int) -> None:
        name, zone = self._campaign_name, self.panel.form.zone.strip()
        if not await self._ask(schedule_question(name, at, zone, checked, free)):
            return
        # The instant that was shown, whatever "in 30 min" would mean by now.
        typed = schedule.iso(at, zone)
        done = await self.doing(launch.schedule_at, self.services.context, campaign_id, typed, zone)
        if done is None:
            return
        lock = draft_timing.lock_words(done.at, zone, self.services.now)
        self._typed_times.pop(campaign_id, None)
        self.notify(f"“{name}” goes {schedule.describe(done.at, zone, self.services.now)}; {lock}.", markup=False)
        await self.console.open_list(campaign_id)

    async def _send(self, campaign_id: int, checked: Preflight, free: int) -> None:
        name = self._campaign_name
        if not await self._ask(send_question(name, checked, free)):
            return
        done = await self.doing(launch.send_now, self.services.context, campaign_id)
        if done is None:
            return
        self._typed_times.pop(campaign_id, None)
        self.notify(f"“{name}” is being sent.", markup=False)
        await self.console.open_report(campaign_id)

    @property
    def _campaign_name(self) -> str:
        return shown(self.panel.form.name.strip()) or UNTITLED

    # Looking around

    def action_problem(self) -> None:
        """To the field of the first problem; pressed again, of the next."""
        found = self.to_mend()
        if not found:
            self.notify("Nothing stands in its way: ctrl+g schedules it.", markup=False, timeout=3)
            return
        self._mended = (self._mended + 1) % len(found)
        self._go_to(found[self._mended])

    def _go_to(self, check: Check) -> None:
        self.remove_class("-flipped")
        self.panel.go_to(check.field)

    @on(FormPanel.Changed)
    def _problems_changed(self) -> None:
        self._mended = -1

    def action_flip(self) -> None:
        """In a narrow terminal change between the form and what will happen."""
        self.toggle_class("-flipped")
        if self.has_class("-flipped"):
            self.query_one("#outlook").focus()
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

    @on(Footer.Pressed)
    async def _footer_pressed(self, event: Footer.Pressed) -> None:
        await self.action_command(event.command_id)


def _read(campaign_id: int | None) -> tuple[list[Sender], list[Template], Campaign | None]:
    campaign = None if campaign_id is None else campaigns.get(campaign_id)
    return account.senders(), account.templates(), campaign
