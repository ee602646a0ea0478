"""`why`: everything that was ever decided about a number in a campaign, in order (R50)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine import ending, starting, why
from engine.commands import drafts, launch, resuming
from engine.decide import HoldOrder
from engine.errors import NotFound
from engine.gateway import errors
from engine.gateway.base import Accepted, NotTaken, Outcome, Unknown
from store import callbacks, campaigns, leases, optouts, outcomes, recipients, windows
from store.errors import Missing
from store.types import DraftFields, Lease, RecipientState, Result, ResultKind, StatusUpdate
from tests import builders
from tests.clock import START, FakeClock
from tests.sending import Scripted, refused, schedule_in, started, takes_all, work

MINUTE = 60_000
NUMBER = builders.number(0)
ROW = ("Asha", NUMBER, "C1")


def story(campaign_id: int, number: str = NUMBER) -> list[str]:
    """What is told, without the times."""
    found = why.read(campaign_id, number)
    return [why.text(event, found.zone) for event in found.events]


def words(campaign_id: int, number: str = NUMBER) -> list[str]:
    """The stable words of the story from the first hand-over on."""
    return [event.what for event in why.read(campaign_id, number).events if event.what not in ("row", "fill")]


def sent_by(clock: FakeClock, folder: Path, outcomes_of_first: Sequence[Outcome]) -> int:
    """A campaign to one person whose hand-overs end like this, one after the other."""
    campaign_id = builders.draft(clock, folder, [ROW])
    launch.send_now(builders.context(clock), campaign_id)
    asyncio.run(work(clock, Scripted(lambda to, n: outcomes_of_first[n - 1])))
    return campaign_id


def lease_of(campaign_id: int, owner: str = "w1") -> Lease:
    sender_id = campaigns.get(campaign_id).sender_id
    assert sender_id is not None
    lease = leases.take(leases.name_of(sender_id), owner, START, START + 1, host="h", pid=1, role="service")
    assert lease is not None
    return lease


def in_flight(clock: FakeClock, folder: Path) -> int:
    """A campaign to one person whose message is on its way when its worker is killed."""
    campaign_id = started(clock, folder, 1)
    lease = lease_of(campaign_id)
    assert windows.claim(campaign_id, lease, 10, clock.now()) is not None
    leases.resign(lease)
    return campaign_id


def taken_over(clock: FakeClock, folder: Path) -> int:
    """The same, after another worker has taken over."""
    campaign_id = in_flight(clock, folder)
    clock.advance(2_000)
    assert windows.recover(campaign_id, lease_of(campaign_id, "w2").fence, clock.now()) == 1
    return campaign_id


def test_R50_a_success_after_put_backs_is_told_attempt_by_attempt(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = sent_by(clock, tmp_path, [refused(130429), NotTaken("refused connection"), Accepted("wamid.A")])
    # Not taken means that nobody can be reached: the run is on hold until somebody lets it go on.
    resuming.resume(builders.context(clock), campaign_id)
    asyncio.run(work(clock, Scripted(takes_all)))
    found = why.read(campaign_id, NUMBER)
    told = story(campaign_id)
    assert told[0] == "row 1 of contacts.csv, line 2: valid"
    assert told[1:4] == [
        "run started: send now, by asha",
        'body.1 from column Name: "Asha"',
        'body.2 from column Coupon: "C1"',
    ]
    assert told[4] == "handed over (attempt 1)"
    assert told[5].startswith("put back by the gateway: ") and "(130429): details; next not before 14:30:" in told[5]
    assert told[6] == "not handed over: refused connection; its turn comes again"
    assert told[7].startswith("run put on hold: The gateway cannot be reached")
    assert told[8] == "run goes on, by asha"
    assert told[9:] == ["handed over (attempt 2)", "accepted: wamid." + NUMBER[1:] + ".1"]
    assert found.stands == "sent, nothing heard since; 1 credit spent"
    times = [event.at for event in found.events if event.at is not None]
    assert times == sorted(times)


def test_R50_a_refusal_for_good_has_its_code_and_the_gateways_own_words(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = sent_by(clock, tmp_path, [refused(131026)])
    assert story(campaign_id)[-2:] == [
        "handed over (attempt 1)",
        f"refused by the gateway: {errors.text_of(131026)} (131026): details",
    ]
    found = why.read(campaign_id, NUMBER)
    assert (found.stands, found.events[-1].facts["code"]) == ("failed; no credit taken", 131026)


def test_R50_no_answer_is_told_as_unknown_and_as_still_open(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = sent_by(clock, tmp_path, [Unknown("no answer in 30 s")])
    told = story(campaign_id)
    assert "no answer: no answer in 30 s. Unknown now, never sent again by itself" in told
    assert told[-1].startswith("still unknown")
    assert why.read(campaign_id, NUMBER).stands == "unknown; 1 credit reserved until that is settled"


def test_R50_recovery_after_a_crash_and_the_proof_by_a_callback_are_told(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = taken_over(clock, tmp_path)
    assert words(campaign_id)[1:] == ["claimed", "taken_over", "unknown"]
    clock.advance(60_000)
    said = [StatusUpdate(campaign_id, 1, "wamid.P", "delivered", clock.now())]
    callbacks.apply([], said, clock.now())
    assert words(campaign_id)[1:] == ["claimed", "taken_over", "proved", "delivered"]
    assert "a status callback proved that the gateway took it: wamid.P" in story(campaign_id)
    claimed, lost, proved = [one.at for one in why.read(campaign_id, NUMBER).events if one.what in
                             ("claimed", "taken_over", "proved")]  # fmt: skip
    assert (claimed, lost, proved) == (START, START + 2_000, START + 62_000)


def test_R50_an_answer_that_comes_after_the_take_over_is_told(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = taken_over(clock, tmp_path)
    late = Result(1, ResultKind.SENT, clock.now() + 5, START, message_id="wamid.L")
    outcomes.record(campaign_id, [late], {1: "DE"}, [], clock.now() + 5)
    assert words(campaign_id)[1:] == ["claimed", "taken_over", "accepted"]
    assert story(campaign_id)[-1] == "its answer came after all: accepted, wamid.L"


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"detail": "not begun"}, "not begun"),
        ({"code": 130429, "detail": "too fast"}, f"{errors.text_of(130429)} (130429): too fast"),
    ],
)
def test_R50_R42_what_is_told_after_the_take_over_not_to_have_gone_gets_no_other_turn(
    facts: dict[str, Any], told: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = taken_over(clock, tmp_path)
    late = Result(1, ResultKind.PUT_BACK, clock.now() + 5, START, not_before=clock.now() + MINUTE, **facts)
    outcomes.record(campaign_id, [late], {1: "DE"}, [], clock.now() + 5)
    assert recipients.page(campaign_id, [1])[1].state is RecipientState.UNKNOWN
    assert words(campaign_id)[1:] == ["claimed", "taken_over", "disproved_late", "unknown"]
    said = f"told too late that the gateway had not taken it: {told}. It is not handed over again by itself"
    assert said in story(campaign_id)


def test_R50_R42_a_put_back_that_is_told_twice_still_has_its_turn(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = in_flight(clock, tmp_path)
    back = Result(1, ResultKind.PUT_BACK, clock.now(), START, not_before=clock.now() + MINUTE, code=130429)
    for _ in range(2):
        outcomes.record(campaign_id, [back], {1: "DE"}, [], clock.now())
    assert "disproved_late" not in words(campaign_id) and words(campaign_id)[-1] == "waits"


def test_R50_R19_who_was_never_sent_to_is_told_so_when_the_campaign_ended_before(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    ctx, campaign_id = builders.context(clock), builders.draft(clock, tmp_path, [ROW])
    assert why.read(campaign_id, NUMBER).stands == "pending"
    launch.schedule_at(ctx, campaign_id, "in 1 h")
    launch.cancel(ctx, campaign_id)
    assert why.read(campaign_id, NUMBER).stands == "never sent, for the campaign was cancelled; no credit taken"
    missed = schedule_in(clock, tmp_path)
    clock.advance(24 * 60 * MINUTE)
    assert starting.start_due(clock, missed) is not None
    stands = why.read(missed, builders.number(0)).stands
    assert stands == "never sent, for the campaign failed before it began; no credit taken"


def test_R50_a_failure_after_it_was_sent_stays_told_when_it_arrived_all_the_same(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = sent_by(clock, tmp_path, [Accepted("wamid.A")])
    second = 1_000
    now = clock.now() // second * second
    for at, status, code in ((0, "failed", 131049), (2, "read", None), (3, "delivered", None)):
        said = StatusUpdate(campaign_id, 1, "wamid.A", status, now + at * second, code, "held back" if code else "")
        callbacks.apply([], [said], clock.now())
    told = story(campaign_id)
    assert told[-3].startswith("failed after it was sent: ") and told[-3].endswith("(131049): held back")
    assert told[-2:] == ["delivered", "read"]
    assert why.read(campaign_id, NUMBER).stands == "read; 1 credit spent"


def test_R50_who_opted_out_in_mid_run_is_told_so(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 2)
    optouts.add(int(NUMBER), clock.now(), "STOP reply")
    clock.advance(500)
    asyncio.run(work(clock, Scripted(takes_all)))
    assert recipients.page(campaign_id, [1])[1].state is RecipientState.SKIPPED
    assert story(campaign_id)[-1] == "skipped before it was handed over: the number is opted out"
    assert why.read(campaign_id, NUMBER).events[-1].at == START + 500
    assert "valid" in story(campaign_id)[0]


def test_R50_who_was_opted_out_before_is_told_so(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    optouts.add(int(NUMBER), clock.now(), "imported from stop.csv")
    campaign_id = builders.draft(clock, tmp_path, 2)
    told = story(campaign_id)
    assert told == [
        "row 1 of contacts.csv, line 2: valid",
        "skipped before the run: the number is opted out (imported from stop.csv)",
    ]


def test_R50_what_stands_twice_in_the_file_names_every_line(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = builders.draft(
        clock, tmp_path, [ROW, ("B", builders.number(1), "C2"), ("C", f"00{NUMBER[1:]}", "C3")]
    )
    told = story(campaign_id)
    assert told[:2] == [
        "row 1 of contacts.csv, line 2: valid; it has the number 2 times, also on line 4",
        "row 3 of contacts.csv, line 4: skipped, a duplicate of line 2",
    ]


def test_R50_of_two_rows_the_one_that_counts_is_told_also_when_it_is_the_second(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    # Blank coupon without a fallback: the first row is no valid one, so the second wins (R36).
    campaign_id = builders.draft(clock, tmp_path, [("Asha", NUMBER, ""), ("Asha", NUMBER, "C9")])
    found = why.read(campaign_id, NUMBER)
    assert found.main.line == 3
    told = story(campaign_id)
    assert told[0] == "row 1 of contacts.csv, line 2: skipped, a duplicate of line 3"
    assert 'body.2 from column Coupon: "C9"' in told


def test_R50_a_blank_cell_is_told_with_its_fallback_or_as_the_reason(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path, [("", NUMBER, "C1"), ("B", builders.number(1), " ")])
    assert 'body.1: column Name is blank, fallback "there"' in story(campaign_id)
    told = story(campaign_id, builders.number(1))
    assert "body.2: column Coupon is blank, and there is no fallback" in told
    assert told[-1] == "skipped before the run: a cell behind a placeholder is blank and has no fallback"


def test_R50_a_hold_that_ran_out_tells_each_of_the_rest(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 1)
    ending.hold(clock, campaign_id, HoldOrder("account_paused", "The account is locked"), builders.OPERATOR)
    clock.advance(ending.HOLD_LIMIT_MS)
    ending.tend_hold(clock, campaigns.get(campaign_id), builders.OPERATOR)
    told = story(campaign_id)
    assert any(text.startswith("run put on hold: The account is locked") for text in told)
    assert "failed, with everything that was still pending: Never attempted: the run was on hold for too long" in told
    assert "handed_over" not in words(campaign_id)


def test_R50_what_is_on_its_way_or_waits_is_told_as_open(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = in_flight(clock, tmp_path)
    assert story(campaign_id)[-1] == "being handed over now (attempt 1)"
    back = Result(1, ResultKind.PUT_BACK, START + 10, START, code=131056, not_before=START + MINUTE)
    outcomes.record(campaign_id, [back], {1: "DE"}, [], START + 10)
    assert story(campaign_id)[-1] == "waits for its next attempt; next not before 14:31:00.000"


@pytest.mark.parametrize(
    "typed", [NUMBER, f"00{NUMBER[1:]}", NUMBER[1:], "+49 1517-0000000", "\uff0b49 1517 0000000", "0 15170000000"]
)
def test_R50_the_number_is_read_as_the_file_was(typed: str, acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    ctx = builders.context(clock)
    campaign_id = drafts.create(ctx, DraftFields("National"))
    file = builders.contacts_file(tmp_path, [("Asha", "0151 70000000", "C1")])
    drafts.import_audience(ctx, campaign_id, campaigns.get(campaign_id).version, file, country="DE")
    assert why.read(campaign_id, typed).number == NUMBER


def test_R50_a_cell_that_is_no_number_can_be_asked_for_as_it_was_typed(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path, [ROW, ("B", "4.42E+11", "C2"), ("C", "", "C3")])
    assert story(campaign_id, "4.42e+11") == [
        "row 2 of contacts.csv, line 3: skipped, a spreadsheet has mangled the number"
    ]
    assert why.of_row(campaign_id, 3).events[0].text == "row 3 of contacts.csv, line 4: skipped, it has no number"


@pytest.mark.parametrize("typed", ["+4915179999999", "nobody", "", "   "])
def test_R50_a_number_that_the_campaign_has_not_is_not_found(
    typed: str, acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path, 2)
    with pytest.raises(NotFound) as caught:
        why.read(campaign_id, typed)
    assert caught.value.code == "no_such_recipient"
    empty = drafts.create(builders.context(clock), DraftFields("Empty"))
    with pytest.raises(NotFound):
        why.read(empty, typed)
    with pytest.raises(NotFound):
        why.of_row(campaign_id, 3)
    with pytest.raises(Missing):
        why.read(99, typed)


def test_R50_the_document_has_times_with_the_accounts_offset(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = sent_by(clock, tmp_path, [refused(130429), Accepted("wamid.A")])
    found = why.why_json(why.read(campaign_id, NUMBER))
    assert (found["number"], found["state"], found["line"], found["message_id"]) == (NUMBER, "sent", 2, "wamid.A")
    events = found["events"]
    assert isinstance(events, list)
    back = next(event for event in events if event["what"] == "put_back")
    assert back["at"].endswith("+05:30") and back["not_before"].endswith("+05:30")
    assert (back["code"], back["attempt"]) == (130429, 1)


def test_R50_an_ordinary_success_leaves_no_line_of_its_own(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    campaign_id = started(clock, tmp_path, 50)
    asyncio.run(work(clock, Scripted(takes_all)))
    said = [StatusUpdate(campaign_id, seq, f"w{seq}", "read", clock.now()) for seq in range(1, 51)]
    callbacks.apply([], said, clock.now())
    assert [one for seq in range(1, 51) for one in outcomes.attempts(campaign_id, seq)] == []


def test_R13_R50_times_a_campaign_was_given_are_told_in_the_accounts_zone(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    campaign_id = builders.draft(clock, tmp_path, [ROW])
    # 10:00 in Berlin is 14:30 in Kolkata.
    launch.schedule_at(builders.context(clock), campaign_id, "2026-11-24T10:00+01:00", timezone="Europe/Berlin")
    assert "campaign scheduled for Tue 24 Nov 2026 14:30 IST, by asha" in story(campaign_id)
