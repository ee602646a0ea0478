"""A sample account with campaigns in every status, for `sendoff demo` and for trying things out.

Everything in it was done by the engine, on a clock of the past: every figure follows from rows, and every invariant
holds as it does in a real account. The contacts' numbers are of ranges that are kept free for films and examples.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from engine import schedule, starting
from engine.clock import MINUTE
from engine.commands import drafts, launch, setup
from engine.context import Context
from engine.gateway.simulator.scenario import Delay, Scenario
from engine.rehearsal import PastClock, Rehearsal
from store import account, campaigns, database
from store.types import DraftFields, Fill, Gateway

if TYPE_CHECKING:
    from collections.abc import Mapping

    from store.types import Sender

NAME: Final = "Acme Retail"
ZONE: Final = "Asia/Kolkata"
SENDERS: Final = (
    ("+918040214021", "106540352242922", 80),
    ("+918061747780", "106540352242980", 80),
    # Slow, so that the campaign in progress stays so for a while.
    ("+442079460018", "106540352243018", 4),
)
FIRST_CREDITS: Final = 1_700
ALL_CREDITS: Final = 50_000

_FOLDER: Final = Path(__file__).with_name("sample_data")
_CONTACTS: Final = _FOLDER / "contacts.csv"
_OLD_CUSTOMERS: Final = _FOLDER / "old_customers.csv"
_TEMPLATES: Final = _FOLDER / "templates.json"

_BASE: Final = Scenario(
    latency_ms=Delay(70, 0.4),
    rejected={131026: 0.011, 131009: 0.002},
    undelivered={131049: 0.014, 131026: 0.009},
    delivered=0.95,
    read=0.62,
    sent_ms=Delay(400, 0.6),
    delivered_ms=Delay(4_000, 1.0),
    read_ms=Delay(25 * MINUTE, 1.3),
)
# The shipped simulator is as quick, and goes on with this run.
_QUICK: Final = replace(_BASE, delivered_ms=Delay(1_500, 0.7), read_ms=Delay(5_000, 0.9))
_SHAKY: Final = replace(_BASE, reset_before=0.006)
_HOPELESS: Final = Scenario(latency_ms=Delay(70, 0.4), rejected={131026: 0.8, 131009: 0.2})

_NAME: Final = Fill(column="Name", fallback="there")
_COUPON: Final = Fill(column="Coupon")
_FILLS: Final[Mapping[str, dict[str, Fill]]] = {
    "season_sale": {
        "header.1": _NAME,
        "body.1": _COUPON,
        "body.2": Fill(fixed="Friday"),
        "button.0.1": _COUPON,
    },
    "order_update": {"body.first_name": _NAME, "body.order_number": Fill(column="Order")},
    "renewal_notice": {"body.1": _NAME, "body.2": Fill(column="Renewal")},
    "weekend_offer": {"body.1": _NAME},
    "catalogue_launch": {
        "header.media": Fill(fixed="https://acme.example/catalogue/cover.jpg"),
        "body.1": _NAME,
        "body.2": Fill(column="City", fallback="you"),
    },
}


def fill(context: Context) -> None:
    """Fill an open, empty database with three weeks that end at the context's present."""
    # One transaction: quick on a slow disk, and all of it or nothing.
    with database.transaction():
        story = _Story(context, context.clock.now())
        story.set_up()
        story.completed_and_short_of_credits()
        story.failed()
        story.completed_lately()
        story.ahead()
        story.in_progress()


@dataclass(slots=True)
class _Moment:
    """One day of the story, in the account's zone."""

    day: datetime

    def at(self, hour: int, minute: int = 0) -> int:
        """UTC epoch milliseconds; the zone knows no daylight saving."""
        return round(datetime.combine(self.day, time(hour, minute), ZoneInfo(ZONE)).timestamp() * 1000)


class _Story:
    """What happened at Acme Retail in the last three weeks."""

    def __init__(self, context: Context, now: int) -> None:
        self._now = now
        self._today = datetime.fromtimestamp(now / 1000, ZoneInfo(ZONE))
        self._clock = PastClock(self._day(-21).at(9))
        self._context = Context(self._clock, context.actor, context.rights)
        self._senders: list[Sender] = []

    def _day(self, offset: int) -> _Moment:
        return _Moment(self._today + timedelta(days=offset))

    def _rehearsal(self, scenario: Scenario, seed: int) -> Rehearsal:
        return Rehearsal(self._clock, scenario, seed, self._now)

    def set_up(self) -> None:
        """The account, three numbers, the templates (all approved then), the first credits."""
        setup.init(self._context, name=NAME, timezone=ZONE, gateway=Gateway.SIMULATOR)
        self._senders = [setup.add_sender(self._context, *sender) for sender in SENDERS]
        with TemporaryDirectory() as folder:
            approved = Path(folder) / "templates.json"
            page = json.loads(_TEMPLATES.read_text(encoding="utf-8"))
            for template in page["data"]:
                template["status"] = "APPROVED"
            approved.write_text(json.dumps(page), encoding="utf-8")
            setup.add_templates(self._context, approved)
        setup.add_credits(self._context, FIRST_CREDITS, "opening balance")

    def completed_and_short_of_credits(self) -> None:
        """One that went well, then two that the credits covered one at a time but not together (R28)."""
        day = self._day(-20)
        self._clock.go_to(day.at(9, 40))
        self._planned("Back to school", "season_sale", day.at(10), _BASE, 1)
        day = self._day(-14)
        self._clock.go_to(day.at(9, 15))
        renewal = self._scheduled("Renewal October", "renewal_notice", day.at(10), sender=1)
        friday = self._scheduled("Flash Friday", "season_sale", day.at(10, 30))
        rehearsal = self._rehearsal(_BASE, 2)
        rehearsal.run_due(renewal)
        rehearsal.run_due(friday)
        self._clock.go_to(day.at(12, 5))
        setup.add_credits(self._context, ALL_CREDITS - FIRST_CREDITS, "invoice 2041")

    def failed(self) -> None:
        """A template paused between scheduling and time, a time that no worker saw, numbers nobody has any more."""
        self._clock.go_to(self._day(-9).at(17, 30))
        weekend = self._scheduled("Weekend offer", "weekend_offer", self._day(-8).at(9))
        self._clock.go_to(self._day(-8).at(8, 41))
        setup.add_templates(self._context, _TEMPLATES)
        self._rehearsal(_BASE, 3).run_due(weekend)
        self._clock.go_to(self._day(-7).at(8))
        missed = self._scheduled("Morning news", "season_sale", self._day(-7).at(10), sender=1)
        self._clock.go_to(self._day(-7).at(13, 20))
        starting.start_due(self._clock, missed)
        self._clock.go_to(self._day(-5).at(11))
        win_back = self._draft("Win-back 2019", "season_sale", file=_OLD_CUSTOMERS)
        launch.send_now(self._context, win_back)
        self._rehearsal(_HOPELESS, 4).send(win_back)

    def completed_lately(self) -> None:
        """One with media and a few unknown outcomes, one that was called off, one with named placeholders."""
        self._clock.go_to(self._day(-3).at(15))
        self._planned("Catalogue launch", "catalogue_launch", self._day(-3).at(18), _SHAKY, 5, sender=1)
        self._clock.go_to(self._day(-2).at(12))
        maintenance = self._scheduled("Members' evening", "renewal_notice", self._day(-1).at(18))
        self._clock.go_to(self._day(-2).at(16, 20))
        launch.cancel(self._context, maintenance)
        self._clock.go_to(self._day(-1).at(9, 10))
        self._planned("Order updates", "order_update", self._day(-1).at(10), _BASE, 6)

    def ahead(self) -> None:
        """Two drafts, and what is scheduled: tomorrow, in about 12 minutes, and in about 2, which is locked."""
        self._clock.go_to(self._now - 90 * MINUTE)
        drafts.create(self._context, DraftFields(name="New year teaser", sender_id=self._senders[0].id))
        self._clock.go_to(self._now - 50 * MINUTE)
        self._draft("Winter preview", "season_sale", sender=1)
        self._clock.go_to(self._now - 40 * MINUTE)
        self._scheduled("Renewal December", "renewal_notice", self._day(1).at(10), sender=1)
        self._scheduled("Flash sale", "season_sale", self._in_minutes(12))
        self._scheduled("Lunch offer", "catalogue_launch", self._in_minutes(2), file=_OLD_CUSTOMERS)

    def in_progress(self) -> None:
        """A run that began a minute ago; whoever takes the sender's lease goes on with it."""
        self._clock.go_to(self._now - MINUTE)
        early = self._draft("Diwali early access", "season_sale", sender=2)
        launch.send_now(self._context, early)
        self._rehearsal(_QUICK, 7).send(early, most=55 * self._senders[2].rate)

    def _in_minutes(self, minutes: int) -> int:
        """So far ahead, on the full minute after."""
        return -(-(self._now + minutes * MINUTE) // MINUTE) * MINUTE

    def _planned(self, name: str, template: str, at: int, scenario: Scenario, seed: int, *, sender: int = 0) -> None:
        campaign_id = self._scheduled(name, template, at, sender=sender)
        self._rehearsal(scenario, seed).run_due(campaign_id)

    def _scheduled(self, name: str, template: str, at: int, **choices: Any) -> int:
        campaign_id = self._draft(name, template, **choices)
        launch.schedule_at(self._context, campaign_id, schedule.iso(at, ZONE))
        return campaign_id

    def _draft(self, name: str, template: str, *, sender: int = 0, file: Path = _CONTACTS) -> int:
        fields = DraftFields(
            name=name,
            sender_id=self._senders[sender].id,
            template_id=account.find_templates(template, "en_US")[0].id,
            fills=_FILLS[template],
        )
        campaign_id = drafts.create(self._context, fields)
        drafts.import_audience(self._context, campaign_id, campaigns.get(campaign_id).version, file)
        return campaign_id
