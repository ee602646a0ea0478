"""Looks at the store after every step and compares it with the model, the gateway's record and DESIGN section 4."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from store import database
from tests.machine import model as rules
from tests.machine.exchange import TESTS, Exchange, HandOver
from tests.machine.model import Campaign, Evidence, Model
from tests.store.invariants import violations

LATE_OPT_OUT_MS = 250
"""An opt-out this fresh may still be missed by a row whose turn has come."""
DAY = 24 * 3_600_000
PROMPT_MS = 2_000
"""A start this late counts as on time."""

WORKERS = ("campaign.start", "campaign.completed", "campaign.failed", "campaign.hold", "campaign.recovered")


class Event(NamedTuple):
    """One audit event."""

    id: int
    action: str
    campaign: int | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]


class Stored(NamedTuple):
    """One row of an audience as it is stored."""

    campaign: int
    seq: int
    phone: int | None
    state: int
    skip: str | None
    error: int | None
    delivery: int


class Observer:
    """What was seen last, and whether what is seen now may follow from it."""

    def __init__(self, model: Model, exchange: Exchange, topped_up: int, met: Counter[str]) -> None:
        self.model = model
        self.exchange = exchange
        self.topped_up = topped_up
        self.met = met
        self.seen_audit = self._newest()
        self.windows: dict[tuple[int, int], int] = {}
        """Rows with an open intent, and the fence it was made under."""
        self.orphans: set[tuple[int, int]] = set()
        self.proofs: dict[tuple[int, int], list[str]] = {}
        """Status callbacks that have been applied."""
        self.kept: list[tuple[tuple[int, int], str]] = []
        """Status callbacks that came in and were not applied yet."""
        self.replies: list[tuple[int, int, bool]] = []
        """Replies that came in and were not applied yet: number, when written, whether a STOP."""
        self.quotas: list[tuple[int, int | None]] = [(0, None)]
        """Since when the messaging quota is what."""
        self.tight: set[int] = set()
        """Campaigns that ran while there was a quota."""
        self.hand: dict[tuple[int, int], str] = {}
        """What operators settled unknown rows as."""
        self.test_price = 0
        self.given_up: set[int] = set()
        self.held_since: dict[int, int] = {}
        self.outs: dict[int, set[int]] = {}
        """By campaign in progress the numbers that were opted out at some time of its run."""
        self.units: dict[int, int] = {}
        self.seen: dict[int, Any] = {}
        self.last: list[Event] = []
        exchange.watch.append(self.handed_over)

    # At the moment of a hand-over

    def handed_over(self, handed: HandOver, phone_number_id: str, payload: Mapping[str, Any]) -> None:
        """What must be true when a request goes out (R37, R38, R39, R43, R45, DESIGN section 4 step 2)."""
        wrong = self.exchange.complaints
        if handed.campaign == TESTS:
            self._test_handed_over(handed)
            return
        key = (handed.campaign, handed.seq)
        campaign = self.model.campaigns[handed.campaign]
        contact = campaign.row(handed.seq).contact
        if contact.phone != handed.to:
            wrong.append(f"{key} goes to {handed.to} instead of {contact.phone}")
        if phone_number_id != f"100000{campaign.fields.sender}":
            wrong.append(f"{key} goes out from {phone_number_id}")
        texts = [
            one["text"]
            for part in payload["template"]["components"]
            if part["type"].lower() == "body"
            for one in part["parameters"]
        ]
        if texts != [contact.name or "there", contact.coupon or "none"]:
            wrong.append(f"R37: {key} says {texts}")
        before = self.exchange.by_row[key]
        if before and not rules.put_back(before):
            wrong.append(f"R43: {key} is handed over again after {before[-1]}")
        twice = [
            one
            for one in self.exchange.log
            if one.campaign == handed.campaign and one.to == handed.to and one.seq != handed.seq
        ]
        if twice:
            wrong.append(f"R36, R43: {handed.to} is handed over by row {handed.seq} and by {twice}")
        since = self.model.out.get(handed.to)
        if since is not None and handed.at - since > LATE_OPT_OUT_MS:
            wrong.append(f"R39: {key} goes to {handed.to}, who has opted out")
        self._within_quota(handed)
        if database.proxy.in_transaction():
            wrong.append(f"{key}: its intent is not committed")
        found = database.execute(
            "SELECT c.status, c.hold_reason, r.state, (SELECT COUNT(*) FROM send_window w WHERE w.campaign_id = c.id "
            "AND (r.seq BETWEEN w.lo AND w.hi OR r.seq IN (SELECT value FROM json_each(w.retried)))) "
            "FROM campaign c JOIN recipient r ON r.audience_id = c.audience_id WHERE c.id = ? AND r.seq = ?",
            key,
        ).fetchone()
        if found != ("in_progress", None, rules.PENDING, 1):
            wrong.append(f"{key} is handed over while status, hold, state and intents are {found}")

    def _within_quota(self, handed: HandOver) -> None:
        """R30: different numbers within 24 hours, by the gateway's own record, are never more than the quota."""
        claimed_at = self._claimed_at(handed)
        then = [quota for since, quota in self.quotas if since < claimed_at][-1:]
        lately = [quota for since, quota in self.quotas if since >= claimed_at]
        quotas = [*then, *lately]
        if None in quotas:
            return
        lately_tested = [one for some in self.exchange.tests.values() for one in some if one.at > handed.at - DAY]
        taken = {
            one.to
            for one in [*self.exchange.log, *lately_tested]
            if one.taken and one.at > handed.at - DAY and self.hand.get((one.campaign, one.seq)) != "failed"
        }
        most = max(quota for quota in quotas if quota is not None)
        # Who got a message, or may have, needs no place of its own any more. Tests count and are not kept back.
        maybe = {one.to for one in self.exchange.log if one.answer in (None, "unknown")}
        # Also what a process that was killed had claimed and never handed over: nobody knows that.
        claimed = database.execute(
            "SELECT phone FROM recipient WHERE state = 3 UNION SELECT phone FROM test_send WHERE state IN (0, 3)"
        )
        known = taken | maybe | {one.to for one in lately_tested} | {phone for (phone,) in claimed.fetchall()}
        if handed.to not in known and len(taken) >= most:
            self.exchange.complaints.append(f"R30: {handed} goes beyond the quota of {most}")

    def _claimed_at(self, handed: HandOver) -> int:
        """When its window was opened: what had its place in the quota then goes, however slowly."""
        (at,) = database.execute(
            "SELECT MIN(opened_at) FROM send_window w WHERE w.campaign_id = ? "
            "AND (? BETWEEN w.lo AND w.hi OR ? IN (SELECT value FROM json_each(w.retried)))",
            (handed.campaign, handed.seq, handed.seq),
        ).fetchone()
        return handed.at if at is None else at

    def _test_handed_over(self, handed: HandOver) -> None:
        """R32, R43: a test goes once, except where the gateway said that it did not take it."""
        before = self.exchange.tests[handed.seq]
        if before and not rules.put_back(before):
            self.exchange.complaints.append(f"R43: test {handed.seq} is handed over again after {before[-1]}")
        found = database.execute(
            "SELECT phone, state, fence IS NOT NULL FROM test_send WHERE id = ?", (handed.seq,)
        ).fetchone()
        if found != (handed.to, rules.PENDING, 1):
            self.exchange.complaints.append(f"R32: {handed} is handed over while number, state and intent are {found}")

    # After every step

    def look(self, now: int, *, settled: bool = False) -> None:
        """Compare everything; `settled` says that one living worker has just had its turn."""
        assert not self.exchange.complaints, "\n".join(self.exchange.complaints)
        self.last = self._events()
        if settled:
            self.applied(now)
        fresh = self._opt_outs(now)
        rows = self._rows()
        self.windows = self._open_intents()
        started = self._statuses(now, rows, fresh)
        if settled:
            self._settled(now)
        for campaign in self.model.campaigns.values():
            if not campaign.deleted:
                self._compare(campaign, rows.get(campaign.id, []))
        self._credits()
        self._invariants(started)

    def applied(self, now: int) -> None:
        """Every callback that came in has been applied."""
        for key, proof in self.kept:
            self.proofs.setdefault(key, []).append(proof)
        for phone, at, stop in self.replies:
            self.model.reply(phone, at, stop, now)
        self.kept, self.replies = [], []

    def limit(self, now: int, quota: int | None) -> None:
        """The messaging quota was set."""
        self.quotas.append((now, quota))
        self._note_tight()

    def _note_tight(self) -> None:
        if self.model.quota is not None:
            self.tight |= {one.id for one in self.model.campaigns.values() if one.status == "in_progress"}

    def _newest(self) -> int:
        return int(database.execute("SELECT COALESCE(MAX(id), 0) FROM audit").fetchone()[0])

    def _events(self) -> list[Event]:
        found = database.execute(
            "SELECT id, action, campaign_id, before, after FROM audit WHERE id > ? ORDER BY id", (self.seen_audit,)
        ).fetchall()
        events = [Event(row[0], row[1], row[2], json.loads(row[3]), json.loads(row[4])) for row in found]
        if events:
            self.seen_audit = events[-1].id
        return events

    def _rows(self) -> dict[int, list[Stored]]:
        found: dict[int, list[Stored]] = {}
        for row in database.execute(
            "SELECT c.id, r.seq, r.phone, r.state, r.skip, r.error, r.delivery FROM campaign c "
            "JOIN recipient r ON r.audience_id = c.audience_id ORDER BY c.id, r.seq"
        ).fetchall():
            found.setdefault(row[0], []).append(Stored(*row))
        return found

    def _open_intents(self) -> dict[tuple[int, int], int]:
        found = {}
        for campaign, fence, lo, hi, retried in database.execute(
            "SELECT campaign_id, fence, lo, hi, retried FROM send_window"
        ).fetchall():
            for seq in (*json.loads(retried), *(range(lo, hi + 1) if hi else ())):
                found[campaign, seq] = fence
        return found

    def orphan(self) -> None:
        """Some process has lost, or may lose, what it has in flight."""
        self.orphans |= set(self.windows)

    def _opt_outs(self, now: int) -> set[int]:
        """Take note of who wanted no more marketing; answers them."""
        found = dict(database.execute("SELECT phone, since FROM opt_out").fetchall())
        stored = set(found)
        every = [*self.exchange.log, *(one for some in self.exchange.tests.values() for one in some)]
        told = {one.to for one in every if one.answer == rules.STOPPED_MARKETING}
        fresh = stored - set(self.model.out)
        assert not set(self.model.out) - stored, f"R38: {set(self.model.out) - stored} are no longer opted out"
        assert fresh <= told, f"R38: {fresh - told} were opted out by nobody"
        for phone in fresh:
            self.model.opt_out(phone, now, found[phone])
        for campaign_id, outs in self.outs.items():
            if self.model.campaigns[campaign_id].status == "in_progress":
                outs |= set(self.model.out)
        return fresh

    # Statuses

    def settle(self, campaign: Campaign, seqs: list[int], fate: str) -> None:
        """An operator settled these rows."""
        for seq in seqs:
            self.hand[campaign.id, seq] = fate

    def _statuses(self, now: int, rows: Mapping[int, list[Stored]], fresh: set[int]) -> set[int]:
        """Follow the audit trail: every change of status is in it and allowed (R9, R11), and the model agrees."""
        starts = [one for one in self.last if one.action == "campaign.start"]
        dear = sum(self.model.price(self.model.campaigns[one.campaign or 0]) for one in starts)
        for event in self.last:
            if event.campaign is None:
                continue
            campaign = self.model.campaigns[event.campaign]
            after = event.after.get("status")
            if event.action == "campaign.start":
                self._started(campaign, now, fresh)
            elif event.action == "campaign.failed" and event.before["status"] == "scheduled":
                self._not_started(campaign, now, event, rows.get(campaign.id, []), fresh, dear)
            elif event.action in ("campaign.completed", "campaign.failed"):
                self._ended(campaign, event, rows[campaign.id])
            elif event.action == "campaign.hold":
                campaign.held = True
                self.held_since.setdefault(campaign.id, now)
            elif event.action == "campaign.resume":
                campaign.held = False
                self.held_since.pop(campaign.id, None)
            if event.action in WORKERS:
                self.met[f"{event.action} {event.after.get('reason')}"] += 1
            if after is not None:
                assert event.before["status"] == campaign.status, f"{event}, but it was {campaign.status}"
                assert (campaign.status, after) in rules.TRANSITIONS, f"R9: {event}"
                campaign.status = after
                campaign.changes += 1
        found = database.execute(
            "SELECT id, status, hold_reason IS NOT NULL, deleted_at IS NOT NULL, scheduled_at FROM campaign ORDER BY id"
        ).fetchall()
        for campaign_id, status, held, deleted, at in found:
            campaign = self.model.campaigns[campaign_id]
            stored = (status, bool(held), bool(deleted), at)
            wanted = (campaign.status, campaign.held, campaign.deleted, campaign.at)
            assert stored == wanted, f"campaign {campaign_id} is {stored}, the rules say {wanted}"
        self._note_tight()
        return {one.campaign for one in self.last if one.campaign is not None}

    def _follow(self, campaign: Campaign, fresh: set[int], fits: Callable[[], bool]) -> None:
        """Who is opted out at the start; who became so in this very step may have come too late."""
        self.model.resolve(campaign)
        if fresh and not fits():
            out = self.model.out
            self.model.out = {phone: since for phone, since in out.items() if phone not in fresh}
            self.model.resolve(campaign)
            self.model.out = out

    def _started(self, campaign: Campaign, now: int, fresh: set[int]) -> None:
        self._follow(campaign, fresh, lambda: self._reserved(campaign) == self.model.price(campaign))
        obstacles = self.model.obstacles(campaign, now)
        assert campaign.at is not None
        if now - campaign.at <= PROMPT_MS:
            obstacles.discard("missed_window")
        assert not obstacles, f"campaign {campaign.id} was started in spite of {obstacles}"
        self.begin(campaign)

    def begin(self, campaign: Campaign) -> None:
        """Its rows are frozen, and its price is reserved."""
        template = self.model.template(campaign)
        assert template is not None
        campaign.began = True
        if self.model.quota is not None:
            self.tight.add(campaign.id)
        self.units[campaign.id] = template.price
        self.outs[campaign.id] = set(self.model.out)
        reserved, price = self._reserved(campaign), self.model.price(campaign)
        assert reserved == price, f"R27: {reserved} were reserved for {price}"

    def _reserved(self, campaign: Campaign) -> int:
        found = database.execute(
            "SELECT amount FROM ledger WHERE campaign_id = ? AND kind = 'reserve'", (campaign.id,)
        ).fetchall()
        assert len(found) == 1
        return int(found[0][0])

    def _not_started(
        self, campaign: Campaign, now: int, event: Event, rows: list[Stored], fresh: set[int], dear: int
    ) -> None:
        self._follow(campaign, fresh, lambda: [row.skip for row in rows] == [row.skip for row in campaign.rows or []])
        obstacles = self.model.obstacles(campaign, now)
        if self.model.price(campaign) > self.model.free - dear:
            obstacles.add("insufficient_credits")
        assert event.after["reason"] in obstacles, f"R40: {event}, but {obstacles}"

    def _ended(self, campaign: Campaign, event: Event, rows: list[Stored]) -> None:
        counts = {name: event.after[name] for name in ("sent", "failed", "unknown")}
        codes = [row.error or 0 for row in rows if row.state == rules.FAILED]
        states = {rules.SENT: counts["sent"], rules.UNKNOWN: counts["unknown"]}
        status, causes = rules.ends(states, codes)
        assert len(codes) >= counts["failed"], f"{event}, but {codes}"
        # A process that was taken over may have told later how it really was.
        if len(codes) == counts["failed"]:
            assert event.after["status"] == status and event.after["reason"] in causes, f"R5, R6: {event}, not {causes}"
        if rules.NOT_ATTEMPTED in codes:
            since = self.held_since.get(campaign.id)
            assert since is not None and self.exchange.clock.now() - since >= rules.HOLD_LIMIT, f"R45: {event}"
        campaign.held = False
        self.held_since.pop(campaign.id, None)

    def _settled(self, now: int) -> None:
        """One worker lives and has had its turn: nothing due is left, and no intent of a dead process."""
        late = [
            one.id
            for one in self.model.campaigns.values()
            if one.status == "scheduled" and not one.deleted and one.at is not None and one.at <= now
        ]
        assert not late, f"R12, R20: {late} are due"
        fences = dict(database.execute("SELECT name, fence FROM lease").fetchall())
        for (campaign_id, seq), fence in self.windows.items():
            sender = self.model.campaigns[campaign_id].fields.sender
            assert fence == fences[f"sender:{sender}"], f"the intent of row {campaign_id}.{seq} has no living owner"

    # Rows

    def _compare(self, campaign: Campaign, rows: list[Stored]) -> None:
        assert len(rows) == len(campaign.rows or [])
        nobody = self._without_a_valid_row(campaign, rows)
        for stored in rows:
            row = campaign.row(stored.seq)
            assert stored.phone == row.contact.phone
            if row.skip is not None:
                told = stored.skip if stored.phone in nobody else row.skip
                assert (stored.state, stored.skip) == (rules.SKIPPED, told), f"R35, R39: {stored}, the rules say {row}"
            elif campaign.began:
                self._compare_run(campaign, stored, row)
            else:
                assert (stored.state, stored.skip) == (rules.PENDING, None), f"R35: {stored}, the rules say {row}"

    def _without_a_valid_row(self, campaign: Campaign, rows: list[Stored]) -> set[int | None]:
        """The numbers none of whose rows is valid: any of them may bear the reason, the others are its duplicates."""
        found: dict[int | None, list[tuple[str | None, str | None]]] = defaultdict(list)
        for stored in rows:
            found[stored.phone].append((stored.skip, campaign.row(stored.seq).skip))
        nobody = {phone for phone, pairs in found.items() if all(skip is not None for _, skip in pairs)}
        for phone in nobody:
            told, due = (Counter(reasons) for reasons in zip(*found[phone], strict=True))
            assert told == due, f"R35, R36: the rows of {phone} are skipped for {told}, the rules say {due}"
        return nobody

    def _compare_run(self, campaign: Campaign, stored: Stored, row: rules.Row) -> None:
        key = (campaign.id, stored.seq)
        proofs = self.proofs.get(key, [])
        waiting = [proof for one, proof in self.kept if one == key]
        code = stored.error if stored.state == rules.FAILED else None
        evidence = Evidence(
            handed=self.exchange.by_row.get(key, []),
            proofs=proofs,
            in_window=key in self.windows,
            orphan=key in self.orphans,
            out=row.contact.phone in self.outs[campaign.id],
            given_up=campaign.status in ("completed", "failed"),
            tight=campaign.id in self.tight and campaign.fields.over == "fail",
            hand=self.hand.get(key),
        )
        allowed = rules.possible(evidence)
        if waiting:
            # They may have been applied already.
            allowed = allowed | {(rules.SENT, None)}
        assert (stored.state, code) in allowed, f"{stored} with {evidence}: only {allowed} can be"
        deliveries = {rules.delivery(proofs + waiting[:n]) for n in range(len(waiting) + 1)}
        assert stored.delivery in deliveries, f"R46: {stored} after {proofs} and {waiting}"
        # An operator's word that nothing was sent gives way to evidence; nothing else that is decided changes.
        if row.state in (rules.SENT, rules.FAILED, rules.SKIPPED) and row.code != rules.BY_HAND:
            assert (stored.state, code) == (row.state, row.code), f"{stored} was {row} before"
        if (stored.state, code) != (row.state, row.code):
            if code == rules.STOPPED_MARKETING:
                assert stored.phone in self.model.out, f"R38: {stored} wants no more marketing"
            self.met[f"row {row.state} to {stored.state} {code} {stored.delivery}"] += 1
        row.state, row.code = stored.state, code
        if stored.state == rules.SKIPPED:
            assert stored.skip == "opted_out"

    def taken(self) -> None:
        """R43: what the gateway took is sent or unknown, once each; to be asked when nothing is in flight."""
        took = Counter((one.campaign, one.to) for one in self.exchange.log if one.taken)
        assert max(took.values(), default=0) <= 1
        for one in self.exchange.log:
            if one.taken and (one.campaign, one.seq) not in self.windows:
                row = self.model.campaigns[one.campaign].row(one.seq)
                believed = (row.state, row.code) == (rules.FAILED, rules.BY_HAND)
                assert row.state in (rules.SENT, rules.UNKNOWN) or believed, f"R43: {one} was taken, but {row}"

    # Credits and the rest

    def _credits(self) -> None:
        bound = sum(
            self.units[one.id] * sum(row.skip is None and row.state in (0, 1, 3) for row in one.rows or [])
            for one in self.model.campaigns.values()
            if one.began
        )
        bound += database.execute("SELECT COALESCE(SUM(price), 0) FROM test_send WHERE state IN (0, 1, 3)").fetchone()[
            0
        ]
        unpaid = database.execute("SELECT COALESCE(SUM(n), 0) FROM tally WHERE kind = 'unpaid'").fetchone()[0]
        overruled = sum(
            self.units[campaign_id]
            for (campaign_id, seq), fate in self.hand.items()
            if fate == "failed" and self.model.campaigns[campaign_id].row(seq).state == rules.SENT
        )
        assert 0 <= unpaid <= overruled, f"R29, R42: {unpaid} unpaid, but {overruled} were given back too early"
        free = database.execute("SELECT free FROM account").fetchone()[0]
        assert free == self.topped_up - bound + unpaid, f"R29: {free} free of {self.topped_up}, but {bound} are bound"
        self.model.free = free

    def _invariants(self, touched: set[int]) -> None:
        """The recount of the rows, of those campaigns that changed."""
        found = dict(
            (row[0], row[1:])
            for row in database.execute(
                "SELECT c.id, c.version, p.version, (SELECT COUNT(*) FROM send_window w WHERE w.campaign_id = c.id), "
                "(SELECT COUNT(*) FROM retry r WHERE r.campaign_id = c.id) "
                "FROM campaign c JOIN progress p ON p.campaign_id = c.id"
            ).fetchall()
        )
        changed = [one for one in found if found[one] != self.seen.get(one) or one in touched]
        self.seen = found
        if changed:
            broken = violations(*changed)
            assert not broken, "\n".join(broken)
