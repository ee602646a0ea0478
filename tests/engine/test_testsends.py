"""Test sends from the typed numbers to their outcomes (R32)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import phone, report, statuses
from engine import testsends as rules
from engine.clock import MINUTE
from engine.commands import drafts, launch, setup, testsends
from engine.errors import EngineError, NotAllowed, NotFound, Refused
from engine.gateway.base import Accepted, NotTaken, Outcome, Unknown
from engine.gateway.simulator.scenario import Delay, Scenario
from engine.recorder import FLUSH_TRIES
from engine.roles import Role, rights
from engine.worker import Worker
from store import account, audit, campaigns, ledger, optouts, prices, quota_meter
from store import testsends as store
from store import types as kinds
from store.errors import Missing
from store.types import DraftFields, Fill, PriceLine, RecipientState, Status, StatusUpdate
from tests import builders
from tests.clock import FakeClock
from tests.sending import (
    Scripted,
    Watched,
    bench,
    busy_for,
    campaign_in,
    eventually,
    numbers,
    progress,
    refused,
    schedule_in,
    started,
    takes_all,
    work,
)
from tests.store.invariants import check_invariants

ASHA, BOB = "+919876543210", "+4915170000001"
BODY = [{"type": "text", "text": "Customer 0"}, {"type": "text", "text": "C000000"}]


@pytest.fixture
def campaign_id(acme: Path, clock: FakeClock, tmp_path: Path) -> int:
    return builders.draft(clock, tmp_path, 3)


def ask(clock: FakeClock, campaign_id: int, *typed: str, line: int | None = None) -> list[int]:
    return [one.id for one in testsends.send(builders.context(clock), campaign_id, typed or [ASHA], line=line)]


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(EngineError) as error:
        call()
    assert error.value.message and error.value.hint
    return error.value.code


def texts(test: kinds.TestSend) -> list[dict[str, Any]]:
    (body,) = test.payload["template"]["components"]
    found: list[dict[str, Any]] = body["parameters"]
    return found


def how(*ids: int) -> list[str]:
    check_invariants()
    return [rules.words(one) for one in store.page(ids)]


# Asking


def test_R32_it_takes_the_first_valid_rows_values_and_reserves_the_price(campaign_id: int, clock: FakeClock) -> None:
    before = campaigns.get(campaign_id)
    ids = ask(clock, campaign_id, ASHA, "+49 151 70000001")
    found = store.page(ids)
    assert [f"+{one.phone}" for one in found] == [ASHA, BOB]
    assert [one.payload["to"] for one in found] == [ASHA, BOB]
    assert [texts(one) for one in found] == [BODY, BODY]
    assert ledger.balance() == (999_998, 2, 0)
    assert campaigns.get(campaign_id) == before
    event = audit.events()[-1]
    assert (event.action, event.campaign_id, event.actor) == ("campaign.test_send", campaign_id, "asha")
    assert event.after == {
        "test": ids,
        "numbers": [ASHA[1:], BOB[1:]],
        "template": "greeting:en_US",
        "price": 2,
        "line": 2,
    }
    check_invariants()


def test_R32_another_row_may_be_chosen_by_its_line(campaign_id: int, clock: FakeClock) -> None:
    (test_id,) = ask(clock, campaign_id, line=4)
    assert texts(store.page([test_id])[0])[0]["text"] == "Customer 2"
    with pytest.raises(NotFound) as missing:
        ask(clock, campaign_id, line=5)
    assert missing.value.code == "no_such_row"


def test_R32_the_first_row_that_is_skipped_is_passed_over(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    rows = [("No number", "call me", "C0"), ("Asha", builders.number(1), "C1")]
    (test_id,) = ask(clock, builders.draft(clock, tmp_path, rows))
    assert texts(store.page([test_id])[0])[0]["text"] == "Asha"


@pytest.mark.parametrize("status", list(Status))
def test_R32_any_campaign_can_be_tested_and_stays_as_it_is(
    acme: Path, clock: FakeClock, tmp_path: Path, status: Status
) -> None:
    campaign_id = builders.draft(clock, tmp_path) if status is Status.DRAFT else campaign_in(status, clock, tmp_path)
    before, spent = campaigns.get(campaign_id), ledger.balance().spent
    (test_id,) = ask(clock, campaign_id)
    if status is not Status.IN_PROGRESS:
        asyncio.run(work(clock, Scripted(takes_all)))
        assert how(test_id) == ["sent"]
        assert ledger.balance().spent == spent + 1
    assert campaigns.get(campaign_id) == before


def test_R32_without_an_audience_fixed_texts_and_fallbacks_have_to_do(acme: Path, clock: FakeClock) -> None:
    ctx = builders.context(clock)
    template, sender = account.templates()[0].id, account.senders()[0].id
    fills = {"body.1": Fill(column="Name", fallback="there"), "body.2": Fill(fixed="C1")}
    campaign_id = drafts.create(ctx, DraftFields("x", sender, template, fills))
    (test_id,) = ask(clock, campaign_id)
    assert [one["text"] for one in texts(store.page([test_id])[0])] == ["there", "C1"]
    assert rules.prepare(campaign_id).words == "fixed texts and fallbacks"
    bare = drafts.create(ctx, DraftFields("x", sender, template, {"body.1": Fill(column="Name")}))
    with pytest.raises(Refused, match=r"nothing fills body\.1, body\.2 without an audience") as hole:
        ask(clock, bare)
    assert hole.value.code == "missing_variable"


def test_R32_R37_a_message_with_a_hole_is_refused(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("A", builders.number(1), "C1"), ("B", builders.number(2), "")])
    with pytest.raises(Refused, match=r"nothing fills body\.2 on line 3") as hole:
        ask(clock, campaign_id, line=3)
    assert hole.value.code == "missing_variable"
    version, fields = campaigns.get(campaign_id).version, drafts.fields_of(campaigns.get(campaign_id))
    ctx = builders.context(clock)
    changed = DraftFields(fields.name, fields.sender_id, fields.template_id, {"body.1": Fill(column="Nobody")})
    drafts.edit(ctx, campaign_id, version, changed)
    assert code_of(lambda: ask(clock, campaign_id)) == "no_such_column"
    assert ledger.balance().reserved == 0


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ([], "bad_number"),
        ([builders.number(i) for i in range(6)], "too_many_numbers"),
        ([ASHA, "12"], "bad_number"),
        (["9876543210"], "bad_number"),
        ([ASHA, "+91 98765 43210"], "duplicate_number"),
        ([ASHA, BOB], "opted_out"),
    ],
)
def test_R32_numbers_it_cannot_go_to_are_refused_with_codes_of_their_own(
    campaign_id: int, clock: FakeClock, typed: list[str], code: str
) -> None:
    optouts.add(int(BOB), 0, "STOP reply")
    ctx = builders.context(clock)
    assert code_of(lambda: testsends.send(ctx, campaign_id, typed)) == code
    assert store.of_campaign(campaign_id, 10) == []
    assert ledger.balance().reserved == 0


def test_R32_five_are_not_too_many(campaign_id: int, clock: FakeClock) -> None:
    assert len(ask(clock, campaign_id, *(builders.number(i) for i in range(5)))) == 5


def test_R32_R35_a_country_that_the_account_does_not_send_to_is_refused(campaign_id: int, clock: FakeClock) -> None:
    account.update_account(countries='["IN"]')
    assert code_of(lambda: ask(clock, campaign_id, BOB)) == "country_not_enabled"
    assert len(ask(clock, campaign_id, ASHA)) == 1


def test_R26_R32_each_number_has_the_price_of_its_country(campaign_id: int, clock: FakeClock) -> None:
    prices.replace([PriceLine("MARKETING", "IN", "", 7), PriceLine("MARKETING", "DE", "", 2)])
    assert [one.price for one in store.page(ask(clock, campaign_id, ASHA, BOB))] == [7, 2]
    assert ledger.balance().reserved == 9
    with pytest.raises(Refused, match="The price list has no price for MARKETING to US 1") as error:
        ask(clock, campaign_id, "+12015550123")
    assert error.value.code == "no_price"
    prices.replace([PriceLine("MARKETING", "", "", 999_999)])
    with pytest.raises(Refused, match="999,999 credits needed, 999,991 free: 8 missing") as error:
        ask(clock, campaign_id)
    assert error.value.code == "insufficient_credits"
    check_invariants()


def test_R32_what_cannot_be_sent_at_all_is_refused(
    campaign_id: int, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    ctx = builders.context(clock)
    bare = drafts.create(ctx, DraftFields("x"))
    assert code_of(lambda: ask(clock, bare)) == "template_missing"
    no_sender = drafts.create(ctx, DraftFields("x", None, account.templates()[0].id))
    assert code_of(lambda: ask(clock, no_sender)) == "sender_missing"
    setup.add_templates(ctx, builders.template_file(tmp_path, status="PAUSED"))
    with pytest.raises(Refused, match="paused by WhatsApp") as paused:
        ask(clock, campaign_id)
    assert paused.value.code == "template_unavailable"
    assert audit.events()[-1].action == "campaign.test_send.refused"
    with pytest.raises(NotFound):
        ask(clock, 999)


def test_R32_R57_who_may_not_make_drafts_may_not_test_them(campaign_id: int, clock: FakeClock) -> None:
    ctx = builders.context(clock)
    with pytest.raises(NotAllowed):
        testsends.send(type(ctx)(clock, ctx.actor, rights(Role.AGENT)), campaign_id, [ASHA])
    assert testsends.send(type(ctx)(clock, ctx.actor, rights(Role.MANAGER)), campaign_id, [ASHA])


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("+91 98765 43210", ["+91 98765 43210"]),
        ("+91 98765 43210 +49 151 1", ["+91 98765 43210", "+49 151 1"]),
        (" +911,+912 ; +913,, ", ["+911", "+912", "+913"]),
        ("", []),
    ],
)
def test_numbers_in_one_line(typed: str, expected: list[str]) -> None:
    assert phone.split(typed) == expected


# Sending


async def test_R32_the_gateway_gets_it_once_with_a_reference_of_its_own(campaign_id: int, clock: FakeClock) -> None:
    ids = ask(clock, campaign_id, ASHA, BOB)
    async with bench(clock) as one:
        await one.run()
        assert one.accepted() == {ASHA[1:]: 1, BOB[1:]: 1}
        assert [message.reference for message in one.simulator.accepted] == [f"test.{n}.1" for n in ids]
    assert how(*ids) == ["sent", "sent"]
    assert ledger.balance() == (999_998, 0, 2)
    assert [entry.campaign_id for entry in ledger.entries()[-4:]] == [None] * 4
    assert progress(campaign_id).sent == 0
    assert report.read(campaign_id).campaign.progress.handed == 0


@pytest.mark.parametrize(
    ("outcome", "words", "spent", "reserved"),
    [
        (refused(131026), "failed: ", 0, 0),
        (refused(132015), "failed: ", 0, 0),
        (refused(190, 401), "failed: ", 0, 0),
        (NotTaken("connection refused"), "failed: The gateway cannot be reached: connection refused", 0, 0),
        (Unknown("timed out"), "unknown: no answer came; it is not sent again", 0, 1),
        (Accepted("wamid.1"), "sent", 1, 0),
    ],
)
def test_R32_every_outcome_is_told_at_once_in_words(
    campaign_id: int, clock: FakeClock, outcome: Outcome, words: str, spent: int, reserved: int
) -> None:
    (test_id,) = ask(clock, campaign_id)
    gateway = Scripted(lambda to, n: outcome)
    asyncio.run(work(clock, gateway))
    assert how(test_id)[0].startswith(words)
    assert gateway.handed == [ASHA[1:]]
    assert (ledger.balance().spent, ledger.balance().reserved) == (spent, reserved)


def test_R32_R44_a_gateway_that_asks_to_slow_down_is_waited_for(campaign_id: int, clock: FakeClock) -> None:
    (test_id,) = ask(clock, campaign_id)
    gateway = Scripted(lambda to, n: Accepted("wamid.1") if n > 2 else refused(130429, 429))
    asyncio.run(work(clock, gateway))
    assert (how(test_id), len(gateway.handed)) == (["sent"], 3)
    assert store.page([test_id])[0].attempt == 3


def test_R32_R44_it_fails_when_its_retries_are_spent(campaign_id: int, clock: FakeClock) -> None:
    (test_id,) = ask(clock, campaign_id)
    gateway = Scripted(lambda to, n: refused(131016, 500))
    asyncio.run(work(clock, gateway))
    assert how(test_id)[0].startswith("failed: ") and "131016" in how(test_id)[0]
    assert ledger.balance().reserved == 0
    assert len(gateway.handed) < 10


def test_R32_one_that_waited_too_long_is_dropped_and_costs_nothing(campaign_id: int, clock: FakeClock) -> None:
    (test_id,) = ask(clock, campaign_id)
    clock.advance(rules.EXPIRES_MS + 1)
    gateway = Scripted(takes_all)
    asyncio.run(work(clock, gateway))
    assert (how(test_id), gateway.handed) == (["failed: no worker sent it in time"], [])
    (other,) = ask(clock, campaign_id)
    clock.advance(rules.EXPIRES_MS)
    asyncio.run(work(clock, gateway))
    assert how(other) == ["sent"]


def test_R32_who_stopped_marketing_messages_is_opted_out(campaign_id: int, clock: FakeClock) -> None:
    ask(clock, campaign_id)
    asyncio.run(work(clock, Scripted(lambda to, n: refused(131050))))
    assert optouts.among([int(ASHA)]) == {int(ASHA)}


def test_R32_a_test_goes_before_the_rows_of_a_campaign(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 5)
    ask(clock, campaign_id)
    gateway = Scripted(takes_all)
    asyncio.run(work(clock, gateway))
    assert gateway.handed[0] == ASHA[1:]
    assert len(gateway.handed) == 6
    assert numbers(campaign_id, RecipientState.SENT) == {builders.number(i)[1:] for i in range(5)}
    assert progress(campaign_id).sent == 5
    check_invariants()


def test_R32_a_number_of_the_audience_may_be_tested_and_still_gets_the_campaign(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = schedule_in(clock, tmp_path, 1, 20 * MINUTE)
    (test_id,) = ask(clock, campaign_id, builders.number(0))
    gateway = Scripted(takes_all)
    asyncio.run(work(clock, gateway))
    clock.advance(20 * MINUTE)
    asyncio.run(work(clock, gateway))
    assert gateway.handed == [builders.number(0)[1:]] * 2
    assert (how(test_id), progress(campaign_id).sent, ledger.balance().spent) == (["sent"], 1, 2)


async def test_R43_the_intent_is_durable_before_the_hand_over(campaign_id: int, clock: FakeClock) -> None:
    ids = ask(clock, campaign_id, ASHA, BOB)
    seen: list[bool] = []

    def look(n: int) -> None:
        row = next(one for one in store.page(ids) if one.payload["to"].endswith(gateway.handed[-1]))
        seen.append(row.fence is not None and row.state is RecipientState.PENDING)

    gateway = Watched(Scripted(takes_all), look)
    await work(clock, gateway)
    assert seen == [True, True]


async def test_R42_R43_what_was_in_flight_when_the_worker_died_is_unknown_and_never_resent(
    campaign_id: int, clock: FakeClock
) -> None:
    (test_id,) = ask(clock, campaign_id)
    lease = Worker(clock, Scripted(takes_all), "service")._leases.ensure(account.senders()[0].id)
    assert lease is not None
    store.claim(lease_sender := account.senders()[0].id, lease, clock.now(), 0)
    clock.advance(MINUTE)
    gateway = Scripted(takes_all)
    await work(clock, gateway)
    assert gateway.handed == []
    assert how(test_id) == ["unknown: no answer came; it is not sent again"]
    assert ledger.balance().reserved == 1
    event = next(event for event in audit.events(campaign_id) if event.action == "campaign.test_recovered")
    assert event.after == {"test": [test_id], "unknown": 1}
    assert store.waiting(lease_sender) == 0


async def test_R32_R38_an_opt_out_is_honoured_until_the_very_hand_over(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    # One message a second: the second number waits its turn, claimed, while the first is handed over.
    builders.account_with_sender(clock, tmp_path, rate=1)
    ids = ask(clock, builders.draft(clock, tmp_path, 3), ASHA, BOB)
    gateway = Watched(Scripted(takes_all), lambda n: optouts.add(int(BOB), clock.now(), "reply: STOP"))
    await work(clock, gateway)
    assert gateway.handed == [ASHA[1:]]
    assert how(*ids) == ["sent", "failed: the number has opted out meanwhile"]
    assert (ledger.balance().spent, ledger.balance().reserved) == (1, 0)
    assert quota_meter.used(clock.now()) == 1


async def test_an_orderly_stop_leaves_nothing_unknown(campaign_id: int, clock: FakeClock) -> None:
    ids = ask(clock, campaign_id, ASHA, BOB)
    async with bench(clock, Scenario(latency_ms=Delay(300))) as one:
        worker = one.worker()
        working = asyncio.create_task(worker.work())
        await eventually(lambda: len(one.gateway.handed) >= 1)
        worker.stop()
        await working
    states = {rules.state(test) for test in store.page(ids)}
    assert states <= {"sent", "queued"} and "sent" in states
    check_invariants()


async def test_R32_R42_an_answer_waits_as_long_as_the_store_takes(
    campaign_id: int, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (test_id,) = ask(clock, campaign_id)
    raised = busy_for(monkeypatch, store, "record", 10 * FLUSH_TRIES)
    await work(clock, Scripted(takes_all))
    assert (len(raised), how(test_id)) == (10 * FLUSH_TRIES, ["sent"])


async def test_R32_R42_an_answer_that_the_store_never_takes_is_unknown_and_the_worker_can_stop(
    campaign_id: int, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (test_id,) = ask(clock, campaign_id)
    raised = busy_for(monkeypatch, store, "record", 1_000)
    gateway = Watched(Scripted(takes_all), lambda n: worker.stop())
    worker = Worker(clock, gateway, "service")
    await worker.work()
    assert len(raised) == FLUSH_TRIES
    monkeypatch.undo()
    await work(clock, gateway)
    assert how(test_id) == ["unknown: no answer came; it is not sent again"]
    assert gateway.handed == [ASHA[1:]]


def test_R32_an_unknown_one_is_settled_by_its_callback(campaign_id: int, clock: FakeClock) -> None:
    (test_id,) = ask(clock, campaign_id)
    asyncio.run(work(clock, Scripted(lambda to, n: Unknown("timed out"))))
    body = (
        '{"entry": [{"changes": [{"value": {"statuses": [{"id": "wamid.7", "status": "delivered", '
        f'"timestamp": "1795424500", "biz_opaque_callback_data": "test.{test_id}.1"}}]}}}}]}}]}}'
    )
    (update,) = statuses.parse(body.encode())
    assert update == StatusUpdate(None, None, "wamid.7", "delivered", 1_795_424_500_000, test_id=test_id)
    from engine.callback_intake import apply_waiting, keep

    keep(clock, body.encode())
    assert apply_waiting(clock) == 1
    assert how(test_id) == ["sent, delivered"]
    assert ledger.balance() == (999_999, 0, 1)
    assert progress(campaign_id).delivered == 0


def test_R32_what_nobody_began_can_be_withdrawn(campaign_id: int, clock: FakeClock) -> None:
    ids = ask(clock, campaign_id, ASHA, BOB)
    ctx = builders.context(clock)
    assert testsends.withdraw(ctx, campaign_id, ids, "taken back") == 2
    assert audit.events()[-1].action == "campaign.test_withdraw"
    assert testsends.withdraw(ctx, campaign_id, ids, "taken back") == 0
    gateway = Scripted(takes_all)
    asyncio.run(work(clock, gateway))
    assert gateway.handed == []
    assert how(*ids) == ["failed: taken back"] * 2


def test_R29_R32_a_deleted_drafts_tests_go_with_it_and_cost_nothing(campaign_id: int, clock: FakeClock) -> None:
    ids = ask(clock, campaign_id, ASHA, BOB)
    drafts.delete(builders.context(clock), campaign_id)
    assert how(*ids) == ["failed: its draft was deleted"] * 2
    assert ledger.balance() == (1_000_000, 0, 0)
    event = audit.events(campaign_id)[-1]
    assert (event.action, event.actor, event.after) == ("campaign.test_withdraw", "asha", {"test": ids, "taken": 2})
    gateway = Scripted(takes_all)
    asyncio.run(work(clock, gateway))
    assert gateway.handed == []


async def test_R29_R32_a_draft_that_is_deleted_until_the_very_hand_over_keeps_no_credit(
    db: Path, clock: FakeClock, tmp_path: Path
) -> None:
    # One message a second: the others wait their turn, claimed, while the first is handed over.
    builders.account_with_sender(clock, tmp_path, rate=1)
    first, gone = builders.draft(clock, tmp_path, 3), builders.draft(clock, tmp_path, 3, "Another")
    ids = [*ask(clock, first, ASHA), *ask(clock, gone, BOB), *ask(clock, first, "+919876543219")]

    def delete(n: int) -> None:
        if n == 1:
            drafts.delete(builders.context(clock), gone)

    gateway = Watched(Scripted(takes_all), delete)
    await work(clock, gateway)
    assert gateway.handed == [ASHA[1:], "919876543219"]
    assert how(*ids) == ["sent", "failed: its draft was deleted", "sent"]
    assert (ledger.balance().spent, ledger.balance().reserved) == (2, 0)
    assert quota_meter.used(clock.now()) == 2


def test_R24_R32_a_scheduled_campaign_whose_template_is_gone_is_not_tested(
    acme: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = schedule_in(clock, tmp_path, 1)

    def gone(template_id: int) -> None:
        raise Missing("no template")

    monkeypatch.setattr(account, "get_template", gone)
    assert code_of(lambda: ask(clock, campaign_id)) == "template_missing"


def test_R32_launching_after_a_test_is_as_it_was(campaign_id: int, clock: FakeClock) -> None:
    ask(clock, campaign_id)
    assert launch.check(campaign_id, clock.now()).price == 3
    launch.send_now(builders.context(clock), campaign_id)
    asyncio.run(work(clock, Scripted(takes_all)))
    assert (campaigns.get(campaign_id).status, progress(campaign_id).sent) == (Status.COMPLETED, 3)
    assert ledger.balance().spent == 4
    check_invariants()
