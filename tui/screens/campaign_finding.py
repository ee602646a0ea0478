"""How an operator finds campaigns in the list: status tabs, search, order; each changes what the store is asked."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from store.types import CampaignRow, ListFilter, SortKey, Status
from tui.feed import Ask
from tui.screens.base import ConsoleScreen
from tui.widgets.paged_table import PagedTable, Sort
from tui.widgets.plain_input import PlainInput
from tui.widgets.status_tabs import TABS, StatusTabs

SEARCH_DELAY_S = 0.15


class CampaignFinding(ConsoleScreen):
    """The question the list answers and the keys that change it; the screen itself reads and shows."""

    _asked: Ask

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
        wanted = self._asked.wanted
        self._ask_for(wanted=ListFilter(status=status, search=wanted.search))
        self.poll()

    def action_tab(self, index: int) -> None:
        """Show one tab."""
        self._show_tab(TABS[index])

    def action_next_tab(self, step: int) -> None:
        """Show a neighbouring tab."""
        self._show_tab(self.query_one(StatusTabs).next(step))

    def action_search(self) -> None:
        """Open the search line."""
        self._open_search("").focus()
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
        self._ask_for(wanted=ListFilter(status=self._asked.wanted.status, search=typed.strip()))
        self.poll()

    @on(Input.Submitted, "#search")
    def _search_done(self) -> None:
        self._table.focus()

    def action_clear(self) -> None:
        """Clear the search, then the marks."""
        if self._close_search():
            self._ask_for(wanted=ListFilter(status=self._asked.wanted.status))
            self.poll()
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
