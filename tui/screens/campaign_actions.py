"""What the keys of the campaign list do to campaigns: one dialog, one engine command each, one notice.

With rows marked the same key acts on all of them: the dialog says beforehand what will be done and what will not,
and why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine import schedule
from engine.lifecycle import Action, cancel_locked, lock_at
from engine.lifecycle import refusal as lifecycle_refusal
from store import listing
from store.types import CampaignRow, Status
from tui.screens.base import ConsoleScreen
from tui.signs import named
from tui.widgets.paged_table import PagedTable

if TYPE_CHECKING:
    from engine.context import Context

_MOST_NAMED = 6
_MOST_REFUSED = 3
_IN_A_ROW = 24
"""Cells of a name among others."""
_TITLE = 40
"""Cells of a name in a dialog's title."""


class CampaignActions(ConsoleScreen):
    """The actions of the list; the screen itself reads and shows."""

    def poll(self) -> None:
        """Look at the store again now."""
        raise NotImplementedError

    def told(self, row: CampaignRow) -> str:
        """A campaign by name and time."""
        raise NotImplementedError

    async def action_open(self) -> None:
        """The report; of a draft the editor, for it has nothing to report."""
        row = self.subject
        if row is None:
            return
        if row.status is Status.DRAFT:
            await self.console.open_draft(row.id)
        else:
            await self.console.open_report(row.id)

    async def action_new(self) -> None:
        """A new draft."""
        await self.console.open_draft(None)

    async def action_edit(self) -> None:
        """The editor."""
        if self.subject is not None:
            await self.console.open_draft(self.subject.id)

    async def action_duplicate(self) -> None:
        """A new Draft with the same content and audience."""
        from engine.commands import drafts

        row = self.subject
        if row is None:
            return
        copy_id = await self.doing(drafts.duplicate, self.services.context, row.id)
        if copy_id is not None:
            self.notify(f"Duplicated {named(row.name)}: a new draft, nothing scheduled.", markup=False)
            await self.console.open_list(copy_id)

    def action_cancel(self) -> None:
        """Scheduled to Cancelled."""
        from engine.commands import launch

        self.run_worker(
            self._act(
                Action.CANCEL,
                "Cancel",
                ["Nothing is sent and no credit is taken. It stays in the list."],
                "Yes, cancel",
                launch.cancel,
                "Cancelled",
            )
        )

    def action_reopen(self) -> None:
        """Scheduled back to Draft."""
        from engine.commands import launch

        self.run_worker(
            self._act(
                Action.REOPEN,
                "Back to draft",
                ["It will not go at its time; the schedule is lost, everything else stays."],
                "Yes, back to draft",
                launch.reopen,
                "Back to draft",
            )
        )

    def action_delete(self) -> None:
        """Delete a Draft."""
        from engine.commands import drafts

        self.run_worker(
            self._act(
                Action.DELETE,
                "Delete",
                ["The draft and its audience leave the list."],
                "Yes, delete",
                drafts.delete,
                "Deleted",
            )
        )

    def action_resume(self) -> None:
        """Let a held run go on."""
        from engine.commands import launch

        self.run_worker(
            self._act(Action.RESUME, "Resume", ["Sending goes on at once."], "Yes, resume", launch.resume, "Resumed")
        )

    def action_reroute(self) -> None:
        """Let a held run go on by the other endpoint."""
        row = self.subject
        if row is not None:
            self.run_worker(self._reroute(row))

    async def _reroute(self, row: CampaignRow) -> None:
        from tui.screens.rerouting import reroute

        if await reroute(self, row):
            self.poll()

    async def _targets(self) -> list[CampaignRow]:
        table = self.query_one(PagedTable)
        marks = table.window.marks
        if not marks:
            return [] if self.subject is None else [self.subject]
        found = await self.reading(listing.rows, sorted(marks)) or {}
        # As they stand in the list; those of another tab after them.
        place = {row_id: n for n, row_id in enumerate(table.window.ids)}
        return sorted(found.values(), key=lambda row: (place.get(row.id, len(place)), row.id))

    def _refused(self, action: Action, row: CampaignRow, now: int) -> str | None:
        why_not = lifecycle_refusal(
            action,
            row.status,
            scheduled_at=row.scheduled_at,
            now=now,
            held=row.hold_reason is not None,
            locked=row.locked,
        )
        return None if why_not is None else why_not.message

    async def _act(
        self,
        action: Action,
        verb: str,
        consequences: list[str],
        yes: str,
        command: Callable[[Context, int], object],
        done: str,
    ) -> None:
        rows = await self._targets()
        if not rows:
            return
        title = f"{verb} “{named(rows[0].name, _TITLE)}”?" if len(rows) == 1 else f"{verb} {len(rows)} campaigns?"
        if not await self.ask(
            title,
            lambda now: self._dialog_lines(action, rows, consequences, now),
            yes,
            too_late=lambda now: self._nothing_left(action, rows, now),
        ):
            return
        finished = [
            row
            for row in rows
            if self._refused(action, row, self.services.now) is None
            and await self.did(command, self.services.context, row.id)
        ]
        if finished:
            self.query_one(PagedTable).clear_marks()
            what = named(finished[0].name) if len(finished) == 1 else f"{len(finished)} campaigns"
            self.notify(f"{done}: {what}.", markup=False)
        self.poll()

    def _nothing_left(self, action: Action, rows: list[CampaignRow], now: int) -> str | None:
        """Why a yes would do nothing any more, from the moment it would."""
        reasons = [self._refused(action, row, now) for row in rows]
        if not all(reasons):
            return None
        return reasons[0] if len(rows) == 1 else "\n".join(self._one_by_one(action, rows, 0, now))

    def _dialog_lines(self, action: Action, rows: list[CampaignRow], consequences: list[str], now: int) -> list[str]:
        """What the dialog says at this moment."""
        will = [row for row in rows if self._refused(action, row, now) is None]
        lines = self._facts(rows[0]) if len(rows) == 1 else self._one_by_one(action, rows, len(will), now)
        lines.extend(consequences)
        locks = [lock_at(row.scheduled_at) for row in will if row.scheduled_at is not None]
        if locks and action in (Action.CANCEL, Action.REOPEN):
            lines.append(f"Still possible for {schedule.duration(max(0, min(locks) - now))}.")
        return lines

    def _one_by_one(self, action: Action, rows: list[CampaignRow], will: int, now: int) -> list[str]:
        refused: dict[str, list[str]] = {}
        done: list[str] = []
        for row in rows:
            why_not = self._refused(action, row, now)
            if why_not is None:
                done.append(f"✓ {self.told(row)}")
            else:
                refused.setdefault(why_not, []).append(named(row.name, _IN_A_ROW))
        lines = [f"{will or 'None'} of {len(rows)} will be done.", *done[:_MOST_NAMED]]
        if len(done) > _MOST_NAMED:
            lines.append(f"… and {len(done) - _MOST_NAMED} more")
        for why_not, names in refused.items():
            more = f" and {len(names) - _MOST_REFUSED} more" if len(names) > _MOST_REFUSED else ""
            lines.append(f"✗ {', '.join(names[:_MOST_REFUSED])}{more}: {why_not}")
        return lines

    def _facts(self, row: CampaignRow) -> list[str]:
        people = row.progress.audience - row.progress.skipped
        lines = [f"{people:,} recipient{'' if people == 1 else 's'}."]
        if row.scheduled_at is not None:
            at = schedule.describe(row.scheduled_at, self.services.zone, self.services.now)
            lines.insert(0, f"Scheduled for {at}.")
        return lines

    async def action_send(self) -> None:
        """Send a draft at once, after the number of recipients was typed."""

        row = self.subject
        if row is None:
            return
        self.run_worker(self._check_and_send(row))

    async def _check_and_send(self, row: CampaignRow) -> None:
        from engine.commands import launch

        await self.ask_gateway(row.id)
        result = await self.doing(launch.check, row.id, self.services.now)
        if result is None:
            return
        if result.blocking:
            problems = "; ".join(check.text for check in result.blocking)
            self.notify(f"It cannot go yet: {problems}. Press e to mend it.", severity="warning", markup=False)
            return
        lines = [
            f"{result.valid:,} messages go out at once, for {result.price:,} credits.",
            "Sending now cannot be cancelled.",
        ]
        await self._send(row, lines, result.valid)

    async def _send(self, row: CampaignRow, lines: list[str], people: int) -> None:
        from engine.commands import launch

        if not await self.ask(
            f"Send “{named(row.name, _TITLE)}” now?", lambda now: lines, "Send", no="Not now", number=people
        ):
            return
        if await self.doing(launch.send_now, self.services.context, row.id) is not None:
            self.notify(f"{named(row.name)} is on its way.", markup=False)
            self.poll()

    async def action_reschedule(self) -> None:
        """Give a Scheduled campaign another time."""
        row = self.subject
        if row is not None:
            self.run_worker(self._reschedule(row))

    async def _reschedule(self, row: CampaignRow) -> None:
        from engine.commands import launch
        from tui.screens.prompt import PromptScreen

        typed = await self.app.push_screen_wait(
            PromptScreen(f"Another time for “{named(row.name, _TITLE)}”", self._echo, placeholder="tomorrow 10:00")
        )
        if typed is None:
            return
        done = await self.doing(launch.reschedule, self.services.context, row.id, typed)
        if done is not None:
            words = schedule.describe(done.at, self.services.zone, self.services.now)
            locked = " It is locked already: less than 5 minutes ahead." if done.locked else ""
            self.notify(f"{named(row.name)} goes {words}.{locked}", markup=False)
            self.poll()

    def _echo(self, typed: str) -> str:
        now = self.services.now
        at = schedule.parse_when(typed, self.services.zone, now)
        locked = ".\nLOCKED from the start: less than 5 minutes ahead, it cannot be cancelled."
        return schedule.describe(at, self.services.zone, now) + (locked if cancel_locked(at, now) else "")

    def action_restore(self) -> None:
        """Bring a deleted draft back."""
        self.run_worker(self._restore())

    async def _restore(self) -> None:
        from engine import expiry
        from engine.commands import drafts
        from store import deleted
        from tui.deleted_drafts import echo
        from tui.screens.prompt import PromptScreen

        found = await self.reading(deleted.restorable, self.services.now - expiry.RESTORABLE_MS)
        if found is None:
            return
        if not found:
            self.notify("No draft was deleted within the last 7 days.", markup=False)
            return
        typed = await self.app.push_screen_wait(
            PromptScreen(
                "Restore a deleted draft: its number",
                lambda text: echo(text, found, self.services.zone, self.services.now),
                value=str(found[0].id),
            )
        )
        if typed is None:
            return
        restored = await self.doing(drafts.restore, self.services.context, int(typed))
        if restored is not None:
            self.notify(f"Restored: {named(restored.name)}.", markup=False)
            await self.console.open_list(restored.id)

    def action_repeat(self) -> None:
        """A series with this campaign's content and audience."""
        row = self.subject
        if row is not None:
            self.run_worker(self._repeat(row))

    async def _repeat(self, row: CampaignRow) -> None:
        from engine.commands import recurring
        from tui import series_view
        from tui.screens.prompt import PromptScreen

        zone = self.services.zone
        text = await self.app.push_screen_wait(
            PromptScreen(
                f"Repeat “{named(row.name, _TITLE)}” when?",
                lambda typed: series_view.echo(typed, zone, self.services.now),
                placeholder="minute hour day month weekday [in ZONE] [until DATE]",
            )
        )
        if text is None:
            return
        wanted = series_view.typed(text, zone)
        done = await self.doing(
            recurring.create, self.services.context, row.id, wanted.cron, timezone=wanted.zone, until=wanted.until
        )
        if done is not None:
            first = schedule.describe(done.occurrences[0].at, wanted.zone, self.services.now)
            self.notify(f"{named(done.series.name)} repeats; first {first}. E shows the series.", markup=False)
            self.poll()

    async def action_export(self) -> None:
        """The report as a CSV file."""
        row = self.subject
        if row is not None:
            self.run_worker(self.export(row.id, row.name))

    def action_copy(self) -> None:
        """Name, status and figures to the terminal's clipboard."""
        row = self.subject
        if row is None:
            return
        counters = row.progress
        figures = ("audience", "sent", "delivered", "read", "failed", "unknown")
        text = "\t".join([row.name, row.status.value, *(f"{name} {getattr(counters, name)}" for name in figures)])
        self.to_clipboard(text)
