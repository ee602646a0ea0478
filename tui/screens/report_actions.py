"""What the keys of the report do with its campaign, or with the recipient under the cursor."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine import why
from engine.commands import duplicating, resuming, settling
from engine.text import shown
from store import recipients
from tui import settle_view
from tui.screens.base import ConsoleScreen
from tui.screens.report_parts import PARTS, which
from tui.signs import named

if TYPE_CHECKING:
    from engine.report import Report
    from store.types import CampaignRow, Recipient
    from tui.widgets.paged_table import PagedTable


class ReportActions(ConsoleScreen):
    """The actions of the report; the screen itself reads and shows."""

    _report: Report | None
    _row: CampaignRow | None

    @property
    def _table(self) -> PagedTable[Recipient]:
        raise NotImplementedError

    @property
    def _under_cursor(self) -> Recipient | None:
        raise NotImplementedError

    async def action_refresh(self) -> None:
        """Read everything again."""
        raise NotImplementedError

    async def action_why(self) -> None:
        """Everything that was decided about the recipient under the cursor."""
        from tui.screens.why import WhyScreen

        row = self._under_cursor
        if row is None:
            self.notify("There is no recipient under the cursor.", severity="warning")
            return
        found = await self.reading(why.of_row, row.campaign_id, row.seq)
        if found is not None and self.in_use:
            self.app.push_screen(WhyScreen(found, self.to_clipboard))

    async def action_export(self) -> None:
        """Every row, or the whole report, as a file."""
        from tui.screens.exporting import export_report

        if self._report is not None:
            self.run_worker(export_report(self, self._report.campaign.id, self._report.campaign.name))

    async def action_duplicate(self) -> None:
        """A new Draft of all or a part of the audience."""
        if self._row is not None:
            self.run_worker(self._duplicate(self._row))

    async def _duplicate(self, row: CampaignRow) -> None:
        parts = await self.reading(duplicating.parts, row.id, self.services.now)
        if parts is None:
            return
        only: str | None = None
        if any(parts.values()):
            answer = await self.app.push_screen_wait(which(row, parts, self.services.context.clock.steady))
            if answer not in PARTS:
                return
            only = PARTS[answer]
        copy_id = await self.doing(duplicating.duplicate, self.services.context, row.id, only)
        if copy_id is not None:
            of = "" if only is None else f"the {only} ones of "
            self.notify(f"Duplicated {of}{named(row.name)}: a new draft, nothing scheduled.", markup=False)
            await self.console.open_list(copy_id)

    def action_resume(self) -> None:
        """Let a held run go on."""
        row = self._row
        if row is not None:
            self.run_worker(self._resume(row))

    async def _resume(self, row: CampaignRow) -> None:
        from tui.screens.resuming import hear, watch

        told = await hear(self, [row])
        if await self.did(resuming.resume, self.services.context, row.id, row.hold_reason):
            said = shown(" ".join((f"Resumed: {named(row.name)}.", *told.warnings)))
            self.notify(said, severity="warning" if told.warnings else "information", markup=False)
            watch(self, [row], told)
            await self.action_refresh()

    def action_settle(self) -> None:
        """Decide what became of the unknown recipient under the cursor."""
        row = self._under_cursor
        if self._row is not None and row is not None and row.phone is not None:
            self.run_worker(
                self._settle(self._row, f"+{row.phone}", settle_view.one(row, self.services.zone, self.services.now))
            )

    def action_settle_all(self) -> None:
        """Decide what became of all that are unknown."""
        if self._row is not None:
            self.run_worker(self._settle(self._row, None, settle_view.everybody(self._row)))

    async def _settle(self, row: CampaignRow, number: str | None, question: settle_view.Question) -> None:
        from tui.screens.draft_choice import STAY, Choice

        steady = self.services.context.clock.steady
        answer = await self.app.push_screen_wait(
            Choice(question.title, question.lines, settle_view.WAYS, settle_view.STAY, steady)
        )
        if answer == STAY:
            return
        numbers = None if number is None else [number]
        done = await self.doing(settling.settle, self.services.context, row.id, settle_view.FATES[answer], numbers)
        if done is not None:
            self.notify(settle_view.done(done, settle_view.FATES[answer]), markup=False)
        await self.action_refresh()

    def action_reroute(self) -> None:
        """Let a held run go on by the other endpoint."""
        row = self._row
        if row is not None:
            self.run_worker(self._reroute(row))

    async def _reroute(self, row: CampaignRow) -> None:
        from tui.screens.rerouting import reroute

        if await reroute(self, row):
            await self.action_refresh()

    async def action_audit(self) -> None:
        """Who did what with this campaign."""
        row = self._row
        if row is not None:
            await self.console.open_audit(row.id, partial(self.console.open_report, row.id))

    async def action_copy(self) -> None:
        """The number under the cursor to the clipboard, or those of all marked rows, a line each."""
        marked = sorted(self._table.window.marks)
        rows = [self._under_cursor]
        if marked and self._row is not None:
            found = await self.reading(recipients.page, self._row.id, marked)
            rows = [] if found is None else [found[seq] for seq in marked if seq in found]
        numbers = [f"+{row.phone}" for row in rows if row is not None and row.phone is not None]
        if numbers:
            self.to_clipboard("\n".join(numbers))
        else:
            self.notify("No number is there." if marked else "This row has no number.", severity="warning")
