"""What must hold at every instant: credits add up (R29), the audience adds up (R41), counters equal a recount.

The recount reads the rows themselves and shares no code with what keeps the counters.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from store import campaigns, database, ledger, recipients, tallies, windows
from store.types import Delivery, Progress, RecipientState, Status

NOT_STARTED = (Status.DRAFT, Status.SCHEDULED, Status.CANCELLED)
FINAL = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class Group(NamedTuple):
    """Rows of an audience that are alike, counted."""

    state: RecipientState
    delivery: Delivery
    country: str | None
    skip: str | None
    error: int | None
    n: int


def check_invariants(*campaign_ids: int) -> None:
    """Fail with every broken promise of the account and of these campaigns; all that there are when none is given."""
    found = violations(*campaign_ids)
    assert not found, "\n".join(found)


def violations(*campaign_ids: int) -> list[str]:
    """The broken promises in words, read in one transaction; this thread's connection must be open."""
    with database.transaction():
        every = [row[0] for row in database.execute("SELECT id FROM campaign ORDER BY id").fetchall()]
        found = [*_account(), *_contacts()]
        for campaign_id in campaign_ids or every:
            found += [f"campaign {campaign_id}: {text}" for text in _campaign(campaign_id)]
    return found


def _account() -> Iterator[str]:
    balance = ledger.balance()
    total = balance.free + balance.reserved + balance.spent
    if ledger.topped_up() != total or min(balance.free, balance.reserved, balance.spent) < 0:
        yield f"R29: topped up {ledger.topped_up()}, but {balance}"
    moved: Counter[str] = Counter()
    for kind, amount in database.execute("SELECT kind, SUM(amount) FROM ledger GROUP BY kind").fetchall():
        moved[kind] = int(amount)
    by_ledger = (
        moved["top_up"] - moved["reserve"] + moved["release"],
        moved["reserve"] - moved["settle"] - moved["release"],
        moved["settle"],
    )
    if by_ledger != (balance.free, balance.reserved, balance.spent):
        yield f"R29: the ledger comes to {by_ledger}, but {balance}"
    of_runs = database.execute("SELECT COALESCE(SUM(reserved - settled - released), 0) FROM progress").fetchone()[0]
    of_tests = database.execute("SELECT COALESCE(SUM(price), 0) FROM test_send WHERE state IN (0, 3)").fetchone()[0]
    if of_runs + of_tests != balance.reserved:
        yield f"R29: {balance.reserved} reserved, but the runs hold {of_runs} and the test sends {of_tests}"
    yield from _tests()


def _tests() -> Iterator[str]:
    """R29, R32: each test send was reserved once and ended once, by its outcome, and in no campaign's name."""
    moves: dict[int, list[tuple[str, int]]] = {}
    for kind, amount, campaign_id, key in database.execute(
        "SELECT kind, amount, campaign_id, key FROM ledger WHERE key LIKE 'test:%' ORDER BY id"
    ).fetchall():
        if campaign_id is not None:
            yield f"R32: {key} is in the sums of campaign {campaign_id}"
        moves.setdefault(int(key.split(":")[1]), []).append((kind, amount))
    ends = {RecipientState.SENT: ["settle"], RecipientState.FAILED: ["release"]}
    for test_id, state, price in database.execute("SELECT id, state, price FROM test_send").fetchall():
        kinds = ["reserve", *ends.get(RecipientState(state), [])]
        expected = [(kind, price) for kind in kinds] if price else []
        if moves.get(test_id, []) != expected:
            yield f"R29: test send {test_id} moved {moves.get(test_id, [])} instead of {expected}"


def _contacts() -> Iterator[str]:
    """The meter equals a recount, and what is noted is what was taken, may have been, or is on its way (R30)."""
    since, used = database.execute("SELECT since, used FROM quota_meter").fetchone()
    noted = database.execute("SELECT phone, campaign_id, seq, at FROM contact").fetchall()
    known = {row[0] for row in database.execute("SELECT id FROM campaign").fetchall()}
    counted = len({phone for phone, _, _, at in noted if at > since})
    if used != counted:
        yield f"R30: the meter says {used}, a recount of what is newer than {since} {counted}"
    out = database.execute(
        "SELECT r.phone, c.id, r.seq, COALESCE(r.sent_at, r.handed_at) FROM recipient r "
        "JOIN campaign c ON c.audience_id = r.audience_id WHERE r.state IN (1, 3) AND r.phone IS NOT NULL"
    ).fetchall()
    on_its_way = {(window.campaign_id, seq) for window in windows.open_windows() for seq in window.seqs} - set(
        database.execute("SELECT campaign_id, seq FROM retry").fetchall()
    )
    on_its_way |= set(database.execute("SELECT campaign_id, seq FROM held").fetchall())
    missing = {(phone, one, seq) for phone, one, seq, at in out if at > since} - {row[:3] for row in noted}
    if missing:
        yield f"R30: taken, but not noted: {sorted(missing)[:3]}"
    taken = {one[:3] for one in out}
    stray = [row for row in noted if row[1] in known and row[:3] not in taken and row[1:3] not in on_its_way]
    if stray:
        yield f"R30: noted, but neither taken nor on its way: {stray[:3]}"


def _campaign(campaign_id: int) -> Iterator[str]:
    status = campaigns.status(campaign_id)[0]
    progress = campaigns.progress(campaign_id)
    audience_id, prices, reason = database.execute(
        "SELECT audience_id, prices, status_reason FROM campaign WHERE id = ?", (campaign_id,)
    ).fetchone()
    groups = [] if audience_id is None else _recount(audience_id)
    yield from _counters(progress, groups)
    if audience_id is not None:
        by_store = {state: n for state, n in recipients.count_states(campaign_id).items() if n}
        if by_store != _count(groups, "state"):
            yield f"R41: count_states says {by_store}, a recount {_count(groups, 'state')}"
    yield from _tallies(campaign_id, status, groups)
    yield from _credits(campaign_id, status, progress, groups, json.loads(prices))
    yield from _ends(campaign_id, status, reason, progress)
    if audience_id is not None:
        yield from _waiting(campaign_id, audience_id, status)


def _recount(audience_id: int) -> list[Group]:
    found = database.execute(
        "SELECT state, delivery, country, skip, error, COUNT(*) FROM recipient WHERE audience_id = ? "
        "GROUP BY state, delivery, country, skip, error",
        (audience_id,),
    ).fetchall()
    return [Group(RecipientState(state), Delivery(delivery), *rest) for state, delivery, *rest in found]


def _count(groups: list[Group], by: str) -> dict[Any, int]:
    counted: Counter[Any] = Counter()
    for group in groups:
        counted[getattr(group, by)] += group.n
    return dict(counted)


def _counters(progress: Progress, groups: list[Group]) -> Iterator[str]:
    states = {state: _count(groups, "state").get(state, 0) for state in RecipientState}
    expected = {state.name.lower(): n for state, n in states.items()}
    expected["audience"] = sum(states.values())
    delivery = {one: sum(group.n for group in groups if group.delivery is one) for one in Delivery}
    expected["read"] = delivery[Delivery.READ]
    expected["delivered"] = delivery[Delivery.READ] + delivery[Delivery.DELIVERED]
    expected["undelivered"] = delivery[Delivery.UNDELIVERED]
    for name, n in expected.items():
        if getattr(progress, name) != n:
            yield f"R41: the counter says {name} = {getattr(progress, name)}, the rows {n}"
    parts = progress.skipped + progress.pending + progress.sent + progress.failed + progress.unknown
    if progress.audience != parts:
        yield f"R41: audience {progress.audience}, but its parts come to {parts}"
    strays = [
        group for group in groups if group.delivery is not Delivery.NONE and group.state is not RecipientState.SENT
    ]
    if strays:
        yield f"R46: delivery without having been sent: {strays}"
    holes = [group for group in groups if (group.state is RecipientState.SKIPPED) != (group.skip is not None)]
    if holes:
        yield f"R35: skipped without a reason, or a reason without being skipped: {holes}"


def _tallies(campaign_id: int, status: Status, groups: list[Group]) -> Iterator[str]:
    failed = [group for group in groups if group.state is RecipientState.FAILED]
    undelivered = [group for group in groups if group.delivery is Delivery.UNDELIVERED]
    valid = [group._replace(country=group.country or "") for group in groups if group.skip is None]
    expected = {
        tallies.SKIP: _count([group for group in groups if group.skip is not None], "skip"),
        tallies.ERROR: {str(code): n for code, n in _count(failed, "error").items()},
        tallies.UNDELIVERED: {str(code): n for code, n in _count(undelivered, "error").items()},
    }
    if status in NOT_STARTED:
        # Afterwards it tells what the run was priced by, which an opt-out during the run does not change.
        expected[tallies.COUNTRY] = _count(valid, "country")
    for kind, counts in expected.items():
        if tallies.of(campaign_id, kind) != counts:
            yield f"R48: the tally {kind} says {tallies.of(campaign_id, kind)}, the rows {counts}"
    billed = database.execute(
        "SELECT r.pricing, COUNT(*) FROM recipient r JOIN campaign c ON c.audience_id = r.audience_id "
        "WHERE c.id = ? AND r.delivery >= 2 AND r.pricing IS NOT NULL GROUP BY r.pricing",
        (campaign_id,),
    ).fetchall()
    if tallies.of(campaign_id, tallies.PRICING) != dict(billed):
        yield f"R48: the tally pricing says {tallies.of(campaign_id, tallies.PRICING)}, the rows {dict(billed)}"
    in_slices = sum(tallies.of(campaign_id, tallies.SENT_AT).values())
    sent = _count(groups, "state").get(RecipientState.SENT, 0)
    if in_slices != sent:
        yield f"R48: the timeline knows of {in_slices} sent, the rows of {sent}"


def _credits(
    campaign_id: int, status: Status, progress: Progress, groups: list[Group], prices: Mapping[str, int]
) -> Iterator[str]:
    def worth(*states: RecipientState) -> int:
        return sum(
            group.n * prices.get(group.country or "", prices.get("", 0)) for group in groups if group.state in states
        )

    open_credits = progress.reserved - progress.settled - progress.released
    started = status not in NOT_STARTED and progress.reserved > 0
    expected = worth(RecipientState.PENDING, RecipientState.UNKNOWN) if started else 0
    if open_credits != expected:
        yield f"R29: {open_credits} credits reserved, but pending and unknown rows are worth {expected}"
    unpaid = sum(tallies.of(campaign_id, tallies.UNPAID).values())
    if started and progress.settled + unpaid != worth(RecipientState.SENT):
        yield (
            f"R29: {unpaid} credits unpaid and {progress.settled} credits settled, but sent rows are worth "
            f"{worth(RecipientState.SENT)}"
        )
    for kind, n in (("reserve", progress.reserved), ("settle", progress.settled), ("release", progress.released)):
        sql = "SELECT COALESCE(SUM(amount), 0) FROM ledger WHERE campaign_id = ? AND kind = ?"
        in_ledger = database.execute(sql, (campaign_id, kind)).fetchone()[0]
        if in_ledger != n:
            yield f"R29: the counters say {kind} {n}, the ledger {in_ledger}"


def _waiting(campaign_id: int, audience_id: int, status: Status) -> Iterator[str]:
    """R43: a pending row that was claimed is on its way, waits for its retry, or is held back; and only one of them."""
    held = {seq for (seq,) in database.execute("SELECT seq FROM held WHERE campaign_id = ?", (campaign_id,)).fetchall()}
    if not held <= {
        seq
        for (seq,) in database.execute(
            "SELECT seq FROM recipient WHERE audience_id = ? AND state = 0 AND message_id IS NOT NULL", (audience_id,)
        ).fetchall()
    }:
        yield "R41: held back, but not pending with the id of its message"
    retried = {
        seq for (seq,) in database.execute("SELECT seq FROM retry WHERE campaign_id = ?", (campaign_id,)).fetchall()
    }
    if held & retried:
        yield f"R43: held back, and to be sent again: {sorted(held & retried)[:3]}"
    if status is not Status.IN_PROGRESS:
        if held:
            yield f"it is {status.value} with {len(held)} rows held back"
        return
    on_its_way = {seq for window in windows.open_windows(campaign_id) for seq in window.seqs}
    claimed = {
        seq
        for (seq,) in database.execute(
            "SELECT seq FROM recipient WHERE audience_id = ? AND state = 0 "
            "AND seq <= (SELECT handed FROM progress WHERE campaign_id = ?)",
            (audience_id, campaign_id),
        ).fetchall()
    }
    lost = claimed - on_its_way - retried - held
    if lost:
        yield f"R43: claimed, but neither on its way nor waiting for anything: {sorted(lost)[:3]}"


def _ends(campaign_id: int, status: Status, reason: str | None, progress: Progress) -> Iterator[str]:
    def count(sql: str) -> int:
        return int(database.execute(f"SELECT COUNT(*) FROM {sql}", (campaign_id,)).fetchone()[0])

    windows = count("send_window WHERE campaign_id = ?")
    if windows and status is not Status.IN_PROGRESS:
        yield f"{windows} windows are open, but the campaign is {status.value}"
    if status in (Status.COMPLETED, Status.FAILED) and progress.reserved and progress.pending:
        yield f"it is {status.value} with {progress.pending} rows pending"
    if (status is Status.FAILED) != (reason is not None):
        yield f"R6: it is {status.value} with the root cause {reason}"
    if status is Status.COMPLETED and not progress.sent:
        yield "R5: it is completed, but nothing was sent"
    if count("campaign WHERE id = ? AND hold_reason IS NOT NULL") and status is not Status.IN_PROGRESS:
        yield f"R45: it is on hold, but {status.value}"
    ahead = count(
        "retry WHERE seq > (SELECT handed FROM progress p WHERE p.campaign_id = retry.campaign_id) AND campaign_id = ?"
    )
    if ahead:
        yield f"{ahead} rows wait for a retry that were never handed over"
