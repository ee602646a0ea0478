"""From the form to Scheduled or In Progress: save, read the file, check, ask, then one engine command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import schedule
from engine.commands import launch
from engine.errors import Refused
from store import campaigns, ledger
from tui.screens import draft_timing
from tui.screens.confirm import Confirm, Question
from tui.screens.draft_fields import file_check
from tui.screens.draft_questions import schedule_question, send_question
from tui.screens.draft_saving import DraftSaving
from tui.signs import named
from tui.widgets.preflight import advice, words

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from textual.worker import Worker

    from engine.preflight import Preflight
    from engine.preflight_facts import Check


class DraftLaunch(DraftSaving):
    """What ctrl+s and ctrl+g do."""

    def __init__(self) -> None:
        super().__init__()
        self._errand: Worker[None] | None = None
        self.typed_times: dict[int, tuple[str, str]] = {}
        """Time and zone typed for a draft: a draft stores none, and typing them once has to be enough."""

    def go_to(self, check: Check) -> None:
        """Show the form at the field of a check."""
        if self.has_class("-flipped"):
            self.remove_class("-flipped")
            self.show_timing()
        self.panel.go_to(check.field)

    def run_errand(self, errand: Callable[[], Coroutine[None, None, None]]) -> None:
        """Save, launch or leave: one at a time, and a key that is pressed twice starts nothing twice."""
        if self._errand is None or self._errand.is_finished:
            self._errand = self.run_worker(errand(), group="errand")

    @property
    def campaign_name(self) -> str:
        """The name for notices and titles."""
        return named(self.panel.form.name)

    def action_save(self) -> None:
        """Save; a file that was typed and not read yet is read too."""
        if self.importing is not None:
            self.notify("It is saved as soon as the file is read.", markup=False)
        self.run_errand(self._save_told)

    async def _save_told(self) -> None:
        if await self.save_all():
            # A draft stores no time: who typed one must not take it for saved.
            time = " Its time is not: it is set when you schedule it." if self.panel.form.when.strip() else ""
            self.notify(f"Saved “{self.campaign_name}”.{time}", markup=False, timeout=6 if time else 3)

    async def save_all(self) -> bool:
        """Save the form and read its file; tells whether both are done. For workers only."""
        if not await self.save():
            return False
        if not self.draft.unread(self.panel.form):
            return True
        done = await self.read_file()
        wrong = None if done else file_check(self.panel.fields)
        if wrong is not None:
            self.go_to(wrong)
        return done

    def action_schedule(self) -> None:
        """Save, check, ask, then schedule or send."""
        if self.importing is not None:
            self.tell(Refused("importing", "The file is still being read.", "Press ctrl+g again when it is done."))
        else:
            self.run_errand(self._launch)

    async def _launch(self) -> None:
        if not await self.save_all():
            return
        campaign_id = self.draft.campaign_id
        # It has just been saved.
        assert campaign_id is not None
        await self.ask_gateway(campaign_id)
        checked = await self.doing(launch.check, campaign_id, self.services.now)
        balance = await self.reading(ledger.balance)
        if checked is None or balance is None:
            return
        timing = self.timing
        blocking = [*checked.blocking, *self.time_checks]
        if blocking:
            self._tell_blocked(blocking)
        elif timing.now:
            await self._send(campaign_id, checked, balance.free)
        elif timing.at is not None:
            await self._schedule(campaign_id, timing.at, checked, balance.free)

    def _tell_blocked(self, blocking: list[Check]) -> None:
        first = blocking[0]
        what = "; ".join(words(check) for check in blocking)
        where = "The first of them is where you are now." if len(blocking) > 1 else advice(first)
        self.tell(Refused(first.code, f"It cannot go yet: {what}.", where))
        self.go_to(first)
        self.look()

    async def _ask(self, question: Question) -> bool:
        answer = await self.app.push_screen_wait(Confirm(question, self.services.context.clock))
        return answer is True and await self._is_as_shown()

    async def _is_as_shown(self) -> bool:
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
                "Go back to the list and open it again to see their change.",
            )
        )
        return False

    async def _schedule(self, campaign_id: int, at: int, checked: Preflight, free: int) -> None:
        name, zone = self.campaign_name, self.panel.form.zone.strip()
        if not await self._ask(schedule_question(name, at, zone, checked, free)):
            return
        # The instant that was shown, whatever "in 30 min" would mean by now.
        typed = schedule.iso(at, zone)
        done = await self.doing(launch.schedule_at, self.services.context, campaign_id, typed, zone)
        if done is None:
            return
        now = self.services.now
        lock = draft_timing.lock_words(done.at, zone, now)
        self.typed_times.pop(campaign_id, None)
        self.forget()
        self.notify(f"“{name}” goes {schedule.describe(done.at, zone, now)}; {lock}.", markup=False)
        await self.console.open_list(campaign_id)

    async def _send(self, campaign_id: int, checked: Preflight, free: int) -> None:
        name = self.campaign_name
        if not await self._ask(send_question(name, checked, free)):
            return
        if await self.doing(launch.send_now, self.services.context, campaign_id) is None:
            return
        self.typed_times.pop(campaign_id, None)
        self.forget()
        self.notify(f"“{name}” is being sent.", markup=False)
        await self.console.open_report(campaign_id)
