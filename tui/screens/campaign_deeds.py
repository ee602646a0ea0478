"""How a key of the list acts on the campaign under the cursor, or on all marked ones: asked once, done, told.

The dialog says what will be done and what will not, and why. Between the dialog and the write anything may happen:
somebody else changes a campaign, the lock falls, credits go. So each command gets the version that was agreed to, the
engine decides anew at each write, and the notice says what became of each. What was not done stays marked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from engine import schedule
from engine.errors import Busy, EngineError
from engine.lifecycle import Action, lock_at
from engine.lifecycle import refusal as lifecycle_refusal
from store import listing
from store.errors import StoreError
from store.types import CampaignRow
from tui import bulk
from tui.bulk import Judged
from tui.screens.base import ConsoleScreen, as_told
from tui.signs import named
from tui.widgets.paged_table import PagedTable

if TYPE_CHECKING:
    from engine.context import Context

TITLE = 40
"""Cells of a name in a dialog's title."""
NOTICE_S = 15.0
"""A notice that says what was not done stays long enough to be read."""


class Deed(NamedTuple):
    """What a key does to a campaign."""

    action: Action
    asks: str
    """The dialog's title, with `{}` for the campaigns."""
    consequences: Sequence[str]
    yes: str
    command: Callable[[Context, CampaignRow], object]
    """Of the engine, for a campaign as it was agreed to."""
    done: str
    """As in the notice."""
    number: int | None = None
    """To be typed instead of a `y`."""
    no: str = "Keep it"


WhyNot = Callable[[CampaignRow, int], str | None]
"""Why it does not work for a campaign at a time (UTC milliseconds); `None` when it does."""


def by_the_rules(action: Action, row: CampaignRow, now: int) -> str | None:
    """What the status machine has against it."""
    held = row.hold_reason is not None
    refused = lifecycle_refusal(
        action, row.status, scheduled_at=row.scheduled_at, now=now, held=held, locked=row.locked
    )
    return None if refused is None else refused.message


class CampaignDeeds(ConsoleScreen):
    """Acting on one campaign or on many."""

    def poll(self) -> None:
        """Look at the store again now."""
        raise NotImplementedError

    def told(self, row: CampaignRow) -> str:
        """A campaign by name and time."""
        raise NotImplementedError

    @property
    def _marks(self) -> set[int]:
        return self.query_one(PagedTable).window.marks

    async def targets(self) -> list[CampaignRow]:
        """The marked campaigns as they are now, in the order of the list; without marks the one under the cursor.

        Marks of those that are gone go too, with a word about it.
        """
        table = self.query_one(PagedTable)
        wanted = sorted(self._marks) or ([] if self.subject is None else [self.subject.id])
        found = await self.reading(listing.rows, wanted) if wanted else {}
        if found is None:
            return []
        gone = [one for one in wanted if one not in found]
        if gone:
            table.unmark(gone)
            self.notify(_gone(len(gone)), severity="warning", markup=False)
        # As they stand in the list; those of another tab after them.
        place = {row_id: n for n, row_id in enumerate(table.window.ids)} if len(found) > 1 else {}
        return sorted(found.values(), key=lambda row: (place.get(row.id, len(place)), row.id))

    async def act(self, deed: Deed) -> None:
        """Ask about the campaigns that are meant, and do it. Call it in a worker."""
        rows = await self.targets()
        if rows:
            await self.carry_through(deed, rows, partial(by_the_rules, deed.action))

    async def carry_through(self, deed: Deed, rows: Sequence[CampaignRow], why_not: WhyNot) -> None:
        """Ask, do what can be done, tell. `why_not` is asked all along, for the rules go by the time."""
        one = rows[0] if len(rows) == 1 else None
        title = deed.asks.format(f"{len(rows)} campaigns" if one is None else f"“{named(one.name, TITLE)}”")

        def judge(now: int) -> list[Judged]:
            return [Judged(row, why_not(row, now)) for row in rows]

        if not await self.ask(
            title,
            lambda now: self._said_before(deed, judge(now), now),
            deed.yes,
            no=deed.no,
            too_late=lambda now: self._nothing_left(judge(now)),
            number=deed.number,
        ):
            return
        if one is not None:
            if await self.did(deed.command, self.services.context, one):
                self.query_one(PagedTable).unmark([one.id])
                self.notify(bulk.outcome(deed.done, [Judged(one, None)]), markup=False)
        else:
            self._tell_outcome(deed, await self._one_by_one(deed, rows, why_not))
        self.poll()

    async def _one_by_one(self, deed: Deed, rows: Sequence[CampaignRow], why_not: WhyNot) -> list[Judged]:
        """Each for itself: what one cannot does not keep the others from it. A store that is busy ends it."""
        found: list[Judged] = []
        busy = ""
        for row in rows:
            # At this moment: the ones before may have taken their time.
            against = why_not(row, self.services.now) or busy
            if not against:
                try:
                    await self.services.threads.write(deed.command, self.services.context, row)
                except (EngineError, StoreError) as error:
                    told = as_told(error)
                    against = told.message
                    busy = f"Not tried: {against}" if isinstance(told, Busy) else ""
            found.append(Judged(row, against or None))
        return found

    def _tell_outcome(self, deed: Deed, found: list[Judged]) -> None:
        done = bulk.done(found)
        self.query_one(PagedTable).unmark(row.id for row in done)
        text = bulk.outcome(deed.done, found)
        if len(done) == len(found):
            self.notify(text, markup=False)
        else:
            self.notify(text, severity="warning", markup=False, timeout=NOTICE_S)

    def _nothing_left(self, judged: list[Judged]) -> str | None:
        """Why a yes would do nothing any more, from the moment it would."""
        if bulk.done(judged):
            return None
        return judged[0].why_not if len(judged) == 1 else "\n".join(bulk.lines(judged, self.told))

    def _said_before(self, deed: Deed, judged: list[Judged], now: int) -> list[str]:
        """What the dialog says at this moment."""
        one = judged[0].row if len(judged) == 1 else None
        lines = bulk.lines(judged, self.told) if one is None else self._facts(one) if deed.number is None else []
        lines.extend(deed.consequences)
        locks = [lock_at(row.scheduled_at) for row in bulk.done(judged) if row.scheduled_at is not None]
        if locks and deed.action in (Action.CANCEL, Action.REOPEN):
            lines.append(f"Still possible for {schedule.duration(max(0, min(locks) - now))}.")
        return lines

    def _facts(self, row: CampaignRow) -> list[str]:
        people = row.progress.audience - row.progress.skipped
        lines = [f"{people:,} recipient{'' if people == 1 else 's'}."]
        if row.scheduled_at is not None:
            at = schedule.describe(row.scheduled_at, self.services.zone, self.services.now)
            lines.insert(0, f"Scheduled for {at}.")
        return lines


def _gone(count: int) -> str:
    """What is said of marked campaigns that somebody deleted."""
    return f"{'A campaign is' if count == 1 else f'{count} campaigns are'} not there any more: somebody deleted them."
