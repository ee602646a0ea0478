"""A campaign sent through a scenario to its very end, an operator at hand, and what the simulator knows about it.

The truth is the simulator's: what it noted when it took a message, and the callbacks that it posted. Nothing here asks
the store what it made of them, except to compare.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from engine.callback_intake import apply_waiting
from engine.callback_writer import Writer
from engine.callbacks import Receiver, register
from engine.commands import launch, resuming
from engine.decide import NOT_AUTHORISED
from engine.errors import Refused
from engine.gateway.cloud_api import CloudApi
from engine.gateway.graph import Graph
from engine.gateway.link import Link
from engine.gateway.simulator.behaviour import Behaviour, Kind
from engine.gateway.simulator.server import Simulator
from engine.worker import Worker
from store import callbacks, campaigns, database, held, ledger
from store.types import Campaign, Delivery, Recipient, RecipientState, SkipReason, Status
from tests import builders, quick_time
from tests.sending import TOKEN, rows
from tests.store.invariants import check_invariants

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.gateway.simulator.scenario import Scenario
    from tests.quick_time import LoopClock

SECRET = "app secret"
THINKS_S = 20.0
"""So long an operator takes to see a hold and to decide."""
LONGEST_LOOK_S = 60.0
SENDER = {"id": "1000001", "display_phone_number": "+91 80402 14021", "verified_name": "Acme"}
OVER = (Status.COMPLETED, Status.FAILED)
KINDS = ("sent", "delivered", "read", "failed")


class Told(NamedTuple):
    """One status that the simulator posted and that was answered 200."""

    status: str
    code: int | None


@dataclass
class Story:
    """What came of one campaign."""

    campaign_id: int
    simulator: Simulator
    told: dict[int, list[Told]] = field(default_factory=lambda: defaultdict(list))
    """By the row that the simulator had in the reference."""
    holds: list[str] = field(default_factory=list)
    """The reasons for which an operator had to say that it may go on, in order."""
    resumes: int = 0
    bodies: int = 0
    workers: int = 0
    ended: Campaign | None = None
    """How it stood at the very end."""
    errors: set[int] = field(default_factory=set)
    """The codes of its rows then."""
    minutes: float = 0.0
    """So long it took."""

    def hear(self, raw: bytes) -> None:
        """Note the statuses of a callback by the words of the wire alone."""
        self.bodies += 1
        for entry in json.loads(raw)["entry"]:
            for change in entry["changes"]:
                for status in change["value"].get("statuses", []):
                    if status["status"] in KINDS:
                        seq = int(status["biz_opaque_callback_data"].split(".")[1])
                        code = status["errors"][0]["code"] if "errors" in status else None
                        self.told[seq].append(Told(status["status"], code))

    @property
    def campaign(self) -> Campaign:
        """The campaign as it stands."""
        return campaigns.get(self.campaign_id)

    @property
    def accepted(self) -> Counter[str]:
        """How often each number was taken, by the simulator's own record."""
        return Counter(message.to for message in self.simulator.accepted)


def account_file(folder: Path) -> Path:
    """What the simulator is to know: the template and the number that campaigns are sent with."""
    file = folder / "account.json"
    file.write_text(json.dumps({"templates": [builders.GREETING], "phone_numbers": [SENDER]}), encoding="utf-8")
    return file


def sooner(scenario: Scenario, by: int) -> Scenario:
    """The scenario with everything that it counts messages for so many times sooner, for a smaller campaign."""
    return replace(
        scenario,
        trouble=tuple(replace(one, after=one.after // by) for one in scenario.trouble),
        token=replace(scenario.token, requests=scenario.token.requests // by),
        portfolio=replace(scenario.portfolio, limit=scenario.portfolio.limit // by),
        pacing=replace(scenario.pacing, after=scenario.pacing.after // by),
    )


def played(
    folder: Path,
    scenario: Scenario,
    people: int | Sequence[Sequence[str]],
    *,
    seed: int,
    thinks_s: float = THINKS_S,
    resumes: int = 100,
) -> Story:
    """A campaign to these people through a scenario, in a new database, checked at its end; see `sent_to_the_end`."""
    clock = quick_time.LoopClock()
    database.open_database(str(folder / "played.db"), create=True)
    try:
        with database.session():
            builders.account_with_sender(clock, folder)
            campaign_id = builders.draft(clock, folder, people)
            launch.send_now(builders.context(clock), campaign_id)
            began = clock.now()
            account = account_file(folder)
            sending = sent_to_the_end(
                clock, campaign_id, scenario, seed=seed, account=account, thinks_s=thinks_s, resumes=resumes
            )
            story = quick_time.run(clock, sending)
            check_truth(story, scenario, seed)
            errors = {row.error for row in rows(campaign_id) if row.error is not None}
            return replace(story, ended=story.campaign, errors=errors, minutes=(clock.now() - began) / 60_000)
    finally:
        database.close_database()


async def sent_to_the_end(
    clock: LoopClock,
    campaign_id: int,
    scenario: Scenario,
    *,
    seed: int,
    account: Path,
    thinks_s: float = THINKS_S,
    resumes: int = 100,
) -> Story:
    """Send a started campaign until it is over and every callback has come, or until the operator resumes it no more.

    `account` has what the simulator is to know. Workers come and go: each does what there is to do; between them the
    operator looks at the hold, lets the run go on where a person has to, renews the access token where it expired.
    """
    token = TOKEN
    async with Simulator(scenario, seed=seed, account=account, clock=clock) as simulator, Writer(clock) as writer:
        story = Story(campaign_id, simulator)

        async def keep(raw: bytes) -> None:
            await writer.keep(raw)
            story.hear(raw)

        receiver = Receiver(SECRET, keep)
        await register(simulator.base_url, await receiver.start(), SECRET)
        async with (
            CloudApi(simulator.base_url, TOKEN, fresh_token=lambda: token) as gateway,
            Graph(Link(simulator.base_url, "v24.0", TOKEN)) as graph,
        ):
            while story.campaign.status not in OVER:
                story.workers += 1
                await Worker(clock, gateway, "service", Random(story.workers), graph=graph).work(until_idle=True)
                hold = story.campaign.hold
                if hold is not None and hold.until is None and story.resumes == resumes:
                    break
                if hold is not None:
                    token = await _tend(clock, story, token, thinks_s)
            await _hear_the_rest(clock, story)
        await receiver.close()
    return story


async def _tend(clock: LoopClock, story: Story, token: str, thinks_s: float) -> str:
    """What an operator does about a hold; answers the access token, which may be a new one."""
    hold = story.campaign.hold
    assert hold is not None
    if hold.until is not None:
        if hold.reason == NOT_AUTHORISED:
            story.holds.append(hold.reason)
            token += "-renewed"
        await clock.sleep(min(LONGEST_LOOK_S, max(1, hold.until - clock.now()) / 1_000))
        return token
    await clock.sleep(thinks_s)
    if story.campaign.hold == hold:
        story.holds.append(hold.reason)
        story.resumes += 1
        await _resume(clock, story)
    return token


async def _resume(clock: LoopClock, story: Story) -> None:
    """Let the run go on; where WhatsApp said lately that it is blocked, when that answer is old enough."""
    try:
        resuming.resume(builders.context(clock), story.campaign_id)
    except Refused as refused:
        assert refused.code == "health_blocked"
        await clock.sleep(LONGEST_LOOK_S)


async def _hear_the_rest(clock: LoopClock, story: Story) -> None:
    """Let every callback come that will, and apply it."""
    while story.simulator.outbox.waiting:
        await clock.sleep(LONGEST_LOOK_S)
    await clock.sleep(1.0)
    apply_waiting(clock)
    assert callbacks.waiting(1) == []


def check_truth(story: Story, scenario: Scenario, seed: int) -> None:
    """Every recipient is in a state that is true: nobody twice, nobody missed, credits, news and codes as they were."""
    check_invariants()
    accepted = story.accepted
    assert [number for number, n in accepted.items() if n > 1] == [], "R43: handed over twice"
    behaviour = Behaviour(scenario, seed)
    wrong = []
    for row in rows(story.campaign_id):
        told = story.told.get(row.seq, [])
        why = _wrong(row, str(row.phone) in accepted, told) or _wrong_code(row, told, behaviour, scenario)
        if why:
            wrong.append(
                f"row {row.seq} (+{row.phone}): {why}; {row.state.name} {row.delivery.name} {row.error} {told}"
            )
    assert not wrong, "\n".join(wrong[:20])
    progress, balance = story.campaign.progress, ledger.balance()
    assert progress.pending == 0 or story.campaign.hold is not None
    assert progress.audience == (
        progress.skipped + progress.pending + progress.sent + progress.failed + progress.unknown
    )
    assert balance.spent == progress.sent, "the ledger has what was accepted"
    assert balance.reserved == progress.unknown + progress.pending
    by_news = Counter(_news(story.told.get(row.seq, [])) for row in rows(story.campaign_id) if row.state is SENT)
    assert progress.read == by_news[Delivery.READ]
    assert progress.delivered == by_news[Delivery.READ] + by_news[Delivery.DELIVERED]
    assert progress.undelivered == by_news[Delivery.UNDELIVERED]


SENT, FAILED, UNKNOWN = RecipientState.SENT, RecipientState.FAILED, RecipientState.UNKNOWN


def _news(told: list[Told]) -> Delivery:
    """How far a message came by all that was told of it, in whatever order: what arrived, arrived."""
    said = {one.status for one in told}
    best = {"read": Delivery.READ, "delivered": Delivery.DELIVERED, "failed": Delivery.UNDELIVERED}
    return next((state for status, state in best.items() if status in said), Delivery.NONE)


def _wrong(row: Recipient, taken: bool, told: list[Told]) -> str:
    """What is not true of a row, in words; empty for a true one."""
    dropped = any(one.code in held.DROPPED for one in told)
    if row.state is RecipientState.PENDING:
        return "pending, but taken" if taken else ""
    if row.state is SENT and not taken:
        return "sent, but never taken"
    if row.state is FAILED and taken and not dropped:
        return "taken, but failed"
    if row.state is RecipientState.SKIPPED and taken and row.skip is not SkipReason.DUPLICATE:
        return "skipped, but taken"
    if row.state is UNKNOWN and told:
        return "unknown, but news came of it"
    if row.state is SENT and row.delivery is not _news(told):
        return f"should be {_news(told).name}"
    if row.delivery is Delivery.UNDELIVERED and row.error not in {one.code for one in told}:
        return "undelivered with a code that nobody told"
    return ""


def _wrong_code(row: Recipient, told: list[Told], behaviour: Behaviour, scenario: Scenario) -> str:
    """A failed row has a code that the simulator gave to that number, in an answer or in a callback."""
    if row.state is not FAILED:
        return ""
    given = {one.code for one in told}
    for attempt in range(1, row.attempt + 1):
        fate = behaviour.fate(str(row.phone), attempt)
        if fate.kind is Kind.REJECT:
            given.add(fate.code)
    return "" if row.error in given else f"failed with {row.error}, and what was given is {sorted(map(str, given))}"
