"""The console's screens as modes, imported when they are first opened, and the way to each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from store import account
from tui.ordered_keys import OrderedKeys
from tui.screens.campaigns import CampaignsScreen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.screen import Screen

    from tui.services import Services


def _audit() -> Screen[None]:
    from tui.screens.audit import AuditScreen

    return AuditScreen()


def _draft() -> Screen[None]:
    from tui.screens.draft import DraftScreen

    return DraftScreen()


def _optouts() -> Screen[None]:
    from tui.screens.optouts import OptOutsScreen

    return OptOutsScreen()


def _report() -> Screen[None]:
    from tui.screens.report import ReportScreen

    return ReportScreen()


def _series() -> Screen[None]:
    from tui.screens.series import SeriesScreen

    return SeriesScreen()


def _setup() -> Screen[None]:
    from tui.screens.setup import SetupScreen

    return SetupScreen()


class Modes(OrderedKeys):
    """Which screen is shown; what they share is the console's."""

    MODES: ClassVar = {
        # The list is what a start waits for; the other screens are imported when they are first opened.
        "audit": _audit,
        "draft": _draft,
        "optouts": _optouts,
        "report": _report,
        "series": _series,
        "setup": _setup,
    }
    DEFAULT_MODE = "campaigns"

    services: Services

    def start_worker(self) -> None:
        """Start the worker if it does not run yet."""
        raise NotImplementedError

    async def open_list(self, select: int | None = None) -> None:
        """Show the list, the cursor on one campaign when given; start the worker if it does not run yet."""
        self.services.zone = (await self.services.threads.read(account.get_account)).timezone
        self.start_worker()
        await self.switch_mode("campaigns")
        screen = self.screen
        if isinstance(screen, CampaignsScreen):
            screen.come_back(select)

    async def open_draft(self, campaign_id: int | None) -> None:
        """Show the draft editor on a draft, or on a new one."""
        from tui.screens.draft import DraftScreen

        await self.switch_mode("draft")
        screen = self.screen
        if isinstance(screen, DraftScreen):
            await screen.open(campaign_id)

    async def open_report(self, campaign_id: int) -> None:
        """Show a campaign's report on the whole screen."""
        from tui.screens.report import ReportScreen

        await self.switch_mode("report")
        screen = self.screen
        if isinstance(screen, ReportScreen):
            await screen.open(campaign_id)

    async def open_series(self) -> None:
        """Show what repeats."""
        from tui.screens.series import SeriesScreen

        await self.switch_mode("series")
        screen = self.screen
        if isinstance(screen, SeriesScreen):
            await screen.open()

    async def open_optouts(self) -> None:
        """Show who gets no campaign."""
        from tui.screens.optouts import OptOutsScreen

        await self.switch_mode("optouts")
        screen = self.screen
        if isinstance(screen, OptOutsScreen):
            await screen.open()

    async def open_audit(self, campaign_id: int | None, back: Callable[[], Awaitable[None]]) -> None:
        """Show the audit trail, of one campaign when given; `back` leads to where it was opened."""
        from tui.screens.audit import AuditScreen

        await self.switch_mode("audit")
        screen = self.screen
        if isinstance(screen, AuditScreen):
            await screen.open(campaign_id, back)
