"""How an operator finds campaigns in the list: status tabs, search, filter, order.

Each changes what the store is asked; the counts on the tabs are those of what search and filter leave (R51).
"""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.content import Content
from textual.widgets import Input

from engine.text import shown
from store import account
from store.types import CampaignRow, ListFilter, SortKey, Status
from tui import list_filter
from tui.feed import Ask, Snapshot
from tui.screens.base import ConsoleScreen
from tui.widgets.paged_lines import Sort
from tui.widgets.paged_table import PagedTable
from tui.widgets.plain_input import PlainInput
from tui.widgets.status_tabs import TABS, StatusTabs
from tui.widgets.title_line import TitleLine

SEARCH_DELAY_S = 0.15


class CampaignFinding(ConsoleScreen):
    """The question the list answers and the keys that change it; the screen itself reads and shows."""

    _asked: Ask
    _snapshot: Snapshot | None

    def poll(self) -> None:
        """Look at the store again now."""
        raise NotImplementedError

    def _show_footer(self) -> None:
        raise NotImplementedError

    @property
    def _table(self) -> PagedTable[CampaignRow]:
        return self.query_one("#campaigns", PagedTable)

    def _ask_for(
        self,
        *,
        wanted: ListFilter | None = None,
        sort: SortKey | None = None,
        reverse: bool | None = None,
        chosen: int | None = None,
    ) -> None:
        asked = self._asked
        self._asked = Ask(
            asked.wanted if wanted is None else wanted,
            asked.sort if sort is None else sort,
            asked.reverse if reverse is None else reverse,
            (),
            asked.chosen if chosen is None else chosen,
        )

    @on(StatusTabs.Selected)
    def _tab_selected(self, event: StatusTabs.Selected) -> None:
        self._show_tab(event.status)

    def _show_tab(self, status: Status | None) -> None:
        self.query_one(StatusTabs).active = status
        self._narrow(replace(self._asked.wanted, status=status))

    def _narrow(self, wanted: ListFilter) -> None:
        """Ask for other campaigns and say which."""
        self._ask_for(wanted=wanted)
        self._show_narrowed()
        self.poll()

    def action_tab(self, index: int) -> None:
        """Show one tab."""
        self._show_tab(TABS[index])

    def action_next_tab(self, step: int) -> None:
        """Show a neighbouring tab."""
        self._show_tab(self.query_one(StatusTabs).next(step))

    def action_search(self) -> None:
        """Open the search line."""
        # At once, and not when the keys are done that came with this one.
        self.set_focus(self._open_search(""))
        self.call_after_refresh(self._show_footer)

    def _open_search(self, text: str) -> Input:
        # Made when it is first wanted: it is the dearest widget of the screen and rarely the first thing needed.
        found = self.query("#search").results(Input)
        box = next(found, None)
        if box is None:
            box = PlainInput(text, placeholder="search names and templates; esc clears", id="search", compact=True)
            self.mount(box, before="#list")
        return box

    @on(Input.Changed, "#search")
    def _typed(self, event: Input.Changed) -> None:
        typed = event.value
        self.set_timer(SEARCH_DELAY_S, lambda: self._search(typed))

    def _search(self, typed: str) -> None:
        # Only the last of what was typed quickly is searched for.
        boxes = list(self.query("#search").results(Input))
        if not boxes or boxes[0].value != typed or typed.strip() == self._asked.wanted.search:
            return
        self._narrow(replace(self._asked.wanted, search=typed.strip()))

    @on(Input.Submitted, "#search")
    def _search_done(self) -> None:
        self._table.focus()

    def action_filter(self) -> None:
        """Ask for a range of days and a sender."""
        self.run_worker(self._ask_filter())

    async def _ask_filter(self) -> None:
        from tui.screens.filter import FilterScreen

        senders = await self.reading(account.senders)
        if senders is None:
            return
        services = self.services
        wanted = await self.app.push_screen_wait(
            FilterScreen(self._asked.wanted, senders, services.zone, services.context.clock)
        )
        if wanted is not None:
            # The tab or the search may have changed behind the dialog.
            now = self._asked.wanted
            self._narrow(replace(wanted, status=now.status, search=now.search))

    def _show_narrowed(self) -> None:
        """A line above the list for what is not seen otherwise: the filter, and an order whose column has no room."""
        asked, seen = self._asked, self._snapshot
        line = self.query_one("#narrowed", TitleLine)
        filtered = list_filter.is_set(asked.wanted)
        hidden = not self._table.has_room_for(asked.sort.value)
        line.display = filtered or hidden
        if not line.display:
            return
        known = seen is not None and seen.ask.wanted.sender_id == asked.wanted.sender_id
        number = seen.overview.sender if known and seen is not None else None
        # As in the list's column: the whole number has no room beside the days.
        sender = "that is not there" if number is None else f"..{number % 10_000:04d}"
        parts, keys = [], []
        if filtered:
            parts.append(f"only {list_filter.words(asked.wanted, self.services.zone, sender)}")
            keys.append("f filter" if self._search_is_open else "f filter  esc clears")
        if hidden:
            parts.append(f"sorted by {asked.sort.value} {'▼' if asked.reverse else '▲'}")
            keys.append("s sort")
        line.show(
            Content.styled(shown(f" {'; '.join(parts)}"), "bold"),
            Content.styled(f"{'  '.join(keys)} ", "$text-muted"),
        )

    @property
    def _search_is_open(self) -> bool:
        return bool(self.query("#search"))

    def action_clear(self) -> None:
        """Clear the search, then the filter, then the marks."""
        if self._close_search():
            self._narrow(replace(self._asked.wanted, search=""))
        elif list_filter.is_set(self._asked.wanted):
            self._narrow(list_filter.cleared(self._asked.wanted))
        elif self.marked:
            self._table.clear_marks()

    def _close_search(self) -> bool:
        boxes = self.query("#search")
        if not boxes:
            return False
        boxes.remove()
        self._table.focus()
        return True

    def action_sort(self) -> None:
        """Sort by the next column."""
        keys = list(SortKey)
        self._sort_by(keys[(keys.index(self._asked.sort) + 1) % len(keys)])

    def _sort_by(self, key: SortKey) -> None:
        if key is self._asked.sort:
            self.action_reverse()
            return
        self._ask_for(sort=key, reverse=False)
        self._show_sort()
        self.poll()

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._ask_for(reverse=not self._asked.reverse)
        self._show_sort()
        self.poll()

    def _show_sort(self) -> None:
        self._table.sort = Sort(self._asked.sort.value, self._asked.reverse)
        self._show_narrowed()
