"""What the keys of the campaign list do: open, act on one or on all marked ones, export, copy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine.lifecycle import Action
from engine.text import shown
from store import account, quota_meter
from store.types import CampaignRow, Status
from tui.screens.campaign_deeds import CampaignDeeds, by_the_rules
from tui.signs import named

if TYPE_CHECKING:
    from engine.commands.limits import Limits


class CampaignActions(CampaignDeeds):
    """The actions of the list; the screen itself reads and shows."""

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
        """A new Draft with the same content and audience; of many only after it was asked."""
        from engine.commands import duplicating
        from tui.screens import list_deeds

        if self.marked:
            self.run_worker(self.act(list_deeds.DUPLICATE))
            return
        row = self.subject
        if row is None:
            return
        copy_id = await self.doing(duplicating.duplicate, self.services.context, row.id)
        if copy_id is not None:
            self.notify(f"Duplicated {named(row.name)}: a new draft, nothing scheduled.", markup=False)
            await self.console.open_list(copy_id)

    def action_cancel(self) -> None:
        """Scheduled to Cancelled."""
        from tui.screens import list_deeds

        self.run_worker(self.act(list_deeds.CANCEL))

    def action_reopen(self) -> None:
        """Scheduled back to Draft."""
        from tui.screens import list_deeds

        self.run_worker(self.act(list_deeds.REOPEN))

    def action_delete(self) -> None:
        """Delete a Draft."""
        from tui.screens import list_deeds

        self.run_worker(self.act(list_deeds.DELETE))

    def action_resume(self) -> None:
        """Let a held run go on."""
        self.run_worker(self._resume())

    async def _resume(self) -> None:
        from tui.screens import list_deeds
        from tui.screens.resuming import hear, watch

        rows = await self.targets()
        if not rows:
            return
        told = await hear(self, rows)
        if len(rows) == 1 and rows[0].id in told.why_not:
            self.tell(told.why_not[rows[0].id])
            return

        def why_not(row: CampaignRow, now: int) -> str | None:
            refused = told.why_not.get(row.id)
            return by_the_rules(Action.RESUME, row, now) or (None if refused is None else refused.message)

        await self.carry_through(list_deeds.resume(told.warnings), rows, why_not)
        watch(self, rows, told)

    def action_reroute(self) -> None:
        """Let a held run go on by the other endpoint."""
        row = self.subject
        if row is not None:
            self.run_worker(self._reroute(row))

    async def _reroute(self, row: CampaignRow) -> None:
        from tui.screens.rerouting import reroute

        if await reroute(self, row):
            self.poll()

    def action_send(self) -> None:
        """Send drafts at once, after the number of recipients was typed."""
        self.run_worker(self._send())

    async def _send(self) -> None:
        from engine import together
        from tui.screens import list_deeds

        many = self.marked > 0
        rows = await self.targets()
        if not rows:
            return
        for row in rows:
            await self.ask_gateway(row.id)
        # It brings the rows of each audience up to date.
        found = await self.doing(together.outlook, [row.id for row in rows], self.services.now)
        if found is None:
            return
        why_not = {campaign_id: error.message for campaign_id, error in found.why_not.items()}
        if not many and rows[0].id in why_not:
            mend = " Press e to mend it." if rows[0].status is Status.DRAFT else ""
            self.notify(shown(f"{why_not[rows[0].id]}{mend}"), severity="warning", markup=False)
            return
        deed = list_deeds.send(found.people, found.price, found.warnings)
        await self.carry_through(deed, rows, lambda row, now: why_not.get(row.id))

    async def action_reschedule(self) -> None:
        """Give a Scheduled campaign another time."""
        row = self.subject
        if row is not None:
            self.run_worker(self._reschedule(row.id))

    async def _reschedule(self, campaign_id: int) -> None:
        from tui.screens.campaign_times import reschedule

        if await reschedule(self, campaign_id):
            self.poll()

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
                does="restores it",
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
        from tui.screens.repeating import repeat

        if await repeat(self, row):
            self.poll()

    def action_limits(self) -> None:
        """The account's limits, to be seen and set."""
        self.run_worker(self._limits())

    async def _limits(self) -> None:
        from engine.commands import limits
        from tui.screens.limits import LimitsScreen

        found = await self.reading(_account_limits, self.services.now)
        if found is None:
            return
        typed = await self.app.push_screen_wait(LimitsScreen(*found))
        if typed is None or typed == found[0]:
            return
        if await self.doing(limits.change, self.services.context, lambda before: typed) is not None:
            self.notify("The limits are set.", markup=False)
            self.poll()

    async def action_optouts(self) -> None:
        """Who gets no campaign."""
        await self.console.open_optouts()

    async def action_series(self) -> None:
        """What repeats."""
        await self.console.open_series()

    def action_sync(self) -> None:
        """Templates and senders as WhatsApp knows them."""
        from tui.screens.sync import SyncScreen

        self.app.push_screen(SyncScreen(self.services))

    async def action_audit(self) -> None:
        """Who did what."""
        await self.console.open_audit(None, self.console.open_list)

    async def action_audit_one(self) -> None:
        """Who did what with the campaign under the cursor."""
        row = self.subject
        if row is not None:
            await self.console.open_audit(row.id, partial(self.console.open_list, row.id))

    async def action_export(self) -> None:
        """The report as a CSV file; of many one file each."""
        if self.marked:
            self.run_worker(self._export_many())
            return
        from tui.screens.exporting import export_report

        row = self.subject
        if row is not None:
            self.run_worker(export_report(self, row.id, row.name))

    async def _export_many(self) -> None:
        from tui.screens.list_export import export_many

        rows = await self.targets()
        if rows:
            await export_many(self, rows)

    def action_copy(self) -> None:
        """Name, status and figures to the terminal's clipboard."""
        row = self.subject
        if row is None:
            return
        counters = row.progress
        figures = ("audience", "sent", "delivered", "read", "failed", "unknown")
        text = "\t".join([row.name, row.status.value, *(f"{name} {getattr(counters, name)}" for name in figures)])
        self.to_clipboard(text)


def _account_limits(now: int) -> tuple[Limits, str]:
    """The account's limits, and in words how much of the quota is used."""
    from engine.commands import limits

    used, left = quota_meter.used(now), quota_meter.room(now)
    said = f"{used:,} {'person' if used == 1 else 'people'} messaged in the last 24 hours"
    return limits.of(account.get_account()), said + ("." if left is None else f", {left:,} left.")
