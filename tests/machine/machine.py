"""The rules of the machine: what operators, time, the gateway, WhatsApp's callbacks and a kill may do next."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from engine import callback_intake, reply_words
from engine.clock import DAY, HOUR, MINUTE
from engine.commands import drafts, duplicating, launch, limits, resuming, settling, setup, testsends
from engine.commands.settling import Fate
from engine.context import Context
from engine.errors import EngineError, Refused
from store import campaigns, database, optouts
from store.types import DraftFields, Fill, OverQuota
from tests import builders
from tests.machine import contacts
from tests.machine import model as rules
from tests.machine.exchange import ACCEPT, LOST, NO_ROUTE, SLOW_ACCEPT, SLOW_REFUSE, VANISH, Exchange
from tests.machine.model import Campaign, Contact, Fields, Model, Row, Template
from tests.machine.observer import Observer
from tests.machine.process import Process
from tests.machine.time import StillClock

T = TypeVar("T")

MOST_CAMPAIGNS = 7
MOST_UNFINISHED = 4
CREDITS = 16
MOST_PLANS = 8
GOOD = builders.FILLS
SAFE = {**GOOD, "body.2": Fill(column="Coupon", fallback="none")}
MEDIA = {"header.media": Fill(fixed="https://example.com/a.png")}
FILLS = {
    "good": {**GOOD, **MEDIA},
    "safe": {**SAFE, **MEDIA},
    "hole": {"body.1": GOOD["body.1"], **MEDIA},
    "stray": {**GOOD, **MEDIA, "body.2": Fill(column="Discount")},
}
TEXTS = (
    "Hello {{1}}, your coupon is {{2}} today.",
    "Hi {{1}}, please use the coupon {{2}} today.",
    "Hello {{1}}, your coupon {{2}} is worth {{3}} today.",
)

picks = st.integers(0, 9)
rows = st.lists(st.sampled_from(contacts.KINDS), max_size=8)
good_rows = st.lists(st.integers(0, contacts.NUMBERS - 1), min_size=1, max_size=8, unique=True)
senders = st.sampled_from([1, 1, 1, 2, 2, None])
template_ids = st.sampled_from([1, 1, 1, 2, 2, None])
fields = st.builds(
    Fields,
    name=st.sampled_from(["Sale", "Sale", "Sale", "  "]),
    sender=senders,
    template=template_ids,
    fills=st.sampled_from(["good", "good", "safe", "safe", "hole", "stray"]),
    grace=st.sampled_from([60, 60, 0]),
    over=st.sampled_from(["fail", "wait"]),
)
sound_fields = st.builds(
    Fields,
    sender=st.sampled_from([1, 2]),
    template=st.sampled_from([1, 1, 2]),
    fills=st.sampled_from(["good", "safe"]),
    over=st.sampled_from(["fail", "wait"]),
)
aheads = st.sampled_from([-60, 30, 299, 300, 301, 600, 3_600, 3 * 3_600, 2 * 86_400])
plans = st.lists(
    st.sampled_from(
        [ACCEPT, ACCEPT, LOST, VANISH, NO_ROUTE, SLOW_ACCEPT, SLOW_ACCEPT, SLOW_REFUSE, *rules.CODES, *rules.LATER]
    ),
    min_size=1,
    max_size=8,
)
quotas = st.sampled_from([None, None, 1, 2, 3, 5])
soon = st.sampled_from([None, None, None, 2, 300, 301, 600, 3_600])


WORDS = reply_words.shipped()
TEST_REFUSALS = {
    "not_found", "template_missing", "template_unavailable", "template_unsupported", "sender_missing",
    "sender_unavailable", "unmapped_placeholder", "no_such_column", "missing_variable", "opted_out",
    "country_not_enabled", "insufficient_credits",
}  # fmt: skip


def _template(name: str, content: int, media: bool, status: str = "APPROVED") -> dict[str, Any]:
    header = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://example.com/a.png"]}}
    words = ["Asha", "C1", "5"][: 3 if content == rules.EXTRA else 2]
    body = {"type": "BODY", "text": TEXTS[content], "example": {"body_text": [words]}}
    return {
        "name": name,
        "language": "en_US",
        "category": "MARKETING",
        "status": status,
        "components": [header, body] if media else [body],
    }


def _chosen(wanted: Fields) -> DraftFields:
    return DraftFields(
        name=wanted.name,
        sender_id=wanted.sender,
        template_id=wanted.template,
        fills=FILLS[wanted.fills],
        over_quota=OverQuota(wanted.over),
        grace=wanted.grace,
    )


def prepare(folder: Path) -> Path:
    """The database that every example starts from: an account, two senders, two templates, some credits."""
    file = folder / "prepared.db"
    clock = StillClock()
    context = builders.context(clock)
    database.open_database(str(file), create=True)
    with database.session():
        builders.account_with_sender(clock, folder, credits=CREDITS)
        setup.add_sender(context, "+918040214022", "1000002", 5)
        for name, media in (("greeting", False), ("picture", True)):
            setup.add_templates(context, builders.template_file(folder, _template(name, 0, media)))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close_database()
    return file


class Engine(RuleBasedStateMachine):
    """The whole engine over one SQLite file, and the model beside it."""

    prepared: Path
    met: ClassVar[Counter[str]] = Counter()
    """What the examples so far have come across, for the test that they come across everything."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=self.prepared.parent))
        shutil.copy(self.prepared, self.folder / "engine.db")
        database.open_database(str(self.folder / "engine.db"))
        database.connect()
        # Nothing here survives a power cut, so nothing has to wait for the disk.
        database.execute("PRAGMA synchronous = OFF")
        self.clock = StillClock()
        self.context: Context = builders.context(self.clock)
        self.model = Model(CREDITS, {}, {1: Template(), 2: Template(media=True)}, {1: "CONNECTED", 2: "CONNECTED"})
        self.exchange = Exchange(self.clock)
        self.observer = Observer(self.model, self.exchange, CREDITS, self.met)
        self.processes: list[Process] = []
        self.dead: list[Process] = []
        self.screens: dict[int, tuple[int, int]] = {}
        """What the second console has read of a campaign: version, and changes by the model's count."""
        self.sound = True
        """Whether nothing has failed yet."""

    def teardown(self) -> None:
        try:
            if self.sound:
                self._to_the_end()
        finally:
            database.close_database()
            for process in [*self.processes, *self.dead]:
                process.bury()
            shutil.rmtree(self.folder)

    # Means

    @property
    def now(self) -> int:
        return self.clock.now()

    def _pick(self, pick: int, *statuses: str) -> Campaign | None:
        """One of the campaigns, mostly of these statuses if there are any; the last digit of `pick` decides."""
        every = list(self.model.campaigns.values())
        there = [one for one in every if not one.deleted] or every
        fitting = [one for one in there if one.status in statuses] or there
        chosen = every if pick == 0 else there if pick == 1 else fitting
        return chosen[-1 - pick % len(chosen)] if chosen else None

    def _ask(self, refusals: set[str], action: str, call: Callable[[], T]) -> T | None:
        """Let an operator do something; it is refused exactly when the model says so, and the trail tells (R11)."""
        self.sound = False
        try:
            result = call()
        except EngineError as error:
            assert error.code in refusals, f"{action}: refused with {error.code}, the rules say {refusals or 'yes'}"
            assert error.message and (error.hint or error.code == "not_found")
            self._look()
            told = [(one.action, one.after.get("code")) for one in self.observer.last]
            assert told == ([(f"{action}.refused", error.code)] if isinstance(error, Refused) else []), f"R11: {told}"
            self.met[f"{action} refused: {error.code}"] += 1
            return None
        assert not refusals, f"{action}: done, but the rules say {refusals}"
        self.met[action] += 1
        self.sound = True
        return result

    def _may(self, refusals: set[str], action: str, call: Callable[[], None]) -> bool:
        """The same for what has no result; tells whether it was done."""

        def done() -> bool:
            call()
            return True

        return self._ask(refusals, action, done) is not None

    def _look(self, *, settled: bool = False) -> None:
        self.sound = False
        self.observer.look(self.now, settled=settled)
        self.sound = True

    def _done(self, campaign: Campaign, status: str | None = None) -> None:
        """An operator's command went through."""
        if status is None:
            campaign.changes += 1
        self._look()

    def _pass(self, ms: int) -> None:
        """Let time pass, and every process do what it has to do then."""
        if ms >= 3_000 and len(self.processes) > 1:
            self.observer.orphan()
        self.clock.advance(ms)
        for process in list(self.processes):
            process.go_on()
            if process.ended:
                self.processes.remove(process)
                self.dead.append(process)
        alone = self.processes[0] if len(self.processes) == 1 else None
        self._look(settled=alone is not None and not alone.frozen and not alone.stopping and ms >= 250)

    def _start_process(self) -> None:
        process = Process(len(self.processes) + len(self.dead) + 1, self.clock, self.exchange)
        self.processes.append(process)
        self._pass(0)

    # Drafts

    def _create(self, wanted: Fields) -> Campaign | None:
        chosen = _chosen(wanted)
        refusals = self.model.not_selectable(wanted.template, None)
        campaign_id = self._ask(refusals, "campaign.create", lambda: drafts.create(self.context, chosen))
        if campaign_id is None:
            return None
        campaign = Campaign(campaign_id, wanted)
        self.model.campaigns[campaign.id] = campaign
        self.screens[campaign.id] = (self._version(campaign), campaign.changes)
        self._look()
        return campaign

    def _version(self, campaign: Campaign) -> int:
        return campaigns.status(campaign.id)[1]

    def _import(self, campaign: Campaign, version: int, lines: Sequence[Contact], stale: bool) -> None:
        refusals = self.model.from_draft(campaign, "not_editable") or ({"changed_meanwhile"} if stale else set())
        file = contacts.write(self.folder, lines)
        done = self._ask(
            refusals,
            "campaign.import",
            lambda: drafts.import_audience(self.context, campaign.id, version, file),
        )
        if done is not None:
            campaign.rows = [Row(one) for one in lines]
            campaign.changes += 1
            # The import counts what is wrong with the file; opt-outs and holes come on top.
            assert done.rows == len(lines)
            self.model.resolve(campaign)
            self._look()

    @initialize(
        launches=st.lists(st.tuples(sound_fields, good_rows, soon), min_size=1, max_size=2), what=plans, quota=quotas
    )
    def a_worker_runs(
        self, launches: list[tuple[Fields, list[int], int | None]], what: list[str | int], quota: int | None
    ) -> None:
        if quota is not None:
            self.the_limits_change(quota, None)
        self.exchange.plans.extend(what)
        for wanted, who, ahead in launches:
            self.launch_a_sound_one(wanted, who, ahead, [])
        self._start_process()

    def few(self) -> bool:
        there = [one for one in self.model.campaigns.values() if not one.deleted]
        unfinished = [one for one in there if one.status in ("draft", "scheduled", "in_progress")]
        return len(unfinished) < MOST_UNFINISHED and len(there) < MOST_CAMPAIGNS

    @precondition(few)
    @rule(wanted=fields, lines=rows)
    def create(self, wanted: Fields, lines: list[Contact]) -> None:
        campaign = self._create(wanted)
        if campaign is not None:
            self._import(campaign, self._version(campaign), lines, False)

    @precondition(few)
    @rule(wanted=sound_fields, who=good_rows, ahead=soon, what=plans)
    def launch_a_sound_one(self, wanted: Fields, who: list[int], ahead: int | None, what: list[str | int]) -> None:
        self.exchange.plans.extend(what)
        campaign = self._create(wanted)
        if campaign is None:
            return
        self._import(campaign, self._version(campaign), [contacts.good(i) for i in who], False)
        if ahead is None:
            self._send(campaign)
        else:
            self._schedule(campaign, ahead)

    @rule(pick=picks, wanted=fields)
    def edit(self, pick: int, wanted: Fields) -> None:
        campaign = self._pick(pick, "draft")
        if campaign is not None:
            self._edit(campaign, self._version(campaign), wanted, False)

    def _edit(self, campaign: Campaign, version: int, wanted: Fields, stale: bool) -> None:
        refusals = (
            self.model.from_draft(campaign, "not_editable")
            or self.model.not_selectable(wanted.template, campaign.fields.template)
            or ({"changed_meanwhile"} if stale else set())
        )
        chosen = _chosen(wanted)
        done = self._ask(refusals, "campaign.edit", lambda: drafts.edit(self.context, campaign.id, version, chosen))
        if done is not None:
            campaign.fields = wanted
            campaign.changes += 1
            self.model.resolve(campaign)
            assert done.price == self.model.price(campaign), f"R26: {done.price}"
            self._look()

    @rule(pick=picks, lines=rows)
    def import_again(self, pick: int, lines: list[Contact]) -> None:
        campaign = self._pick(pick, "draft")
        if campaign is not None:
            self._import(campaign, self._version(campaign), lines, False)

    @precondition(lambda self: self.model.campaigns)
    @rule(pick=picks)
    def the_second_console_reads(self, pick: int) -> None:
        campaign = self._pick(pick, "draft")
        assert campaign is not None
        self.screens[campaign.id] = (self._version(campaign), campaign.changes)

    @precondition(lambda self: self.screens)
    @rule(pick=picks, wanted=fields, imports=st.booleans())
    def the_second_console_saves(self, pick: int, wanted: Fields, imports: bool) -> None:
        campaign = self.model.campaigns[list(self.screens)[pick % len(self.screens)]]
        version, changes = self.screens[campaign.id]
        if imports:
            self._import(campaign, version, [contacts.good(0)], changes != campaign.changes)
        else:
            self._edit(campaign, version, wanted, changes != campaign.changes)

    @precondition(lambda self: self.model.campaigns)
    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        # Not often a draft, or little would be left.
        campaign = self._pick(pick, "draft") if pick > 6 else self._pick(pick, "scheduled", "in_progress")
        assert campaign is not None
        refusals = self.model.from_draft(campaign, "not_editable")
        if self._may(refusals, "campaign.delete", lambda: drafts.delete(self.context, campaign.id)):
            campaign.deleted = True
            self._done(campaign)

    @precondition(few)
    @precondition(lambda self: self.model.campaigns)
    @rule(pick=picks, only=st.sampled_from([None, "failed", "unknown", "unread"]))
    def duplicate(self, pick: int, only: str | None) -> None:
        source = self._pick(pick, "completed", "failed", "in_progress")
        assert source is not None
        part = [row for seq, row in enumerate(source.rows or [], 1) if self._wanted(source, seq, row, only)]
        copy_id = self._ask(
            self.model.missing(source),
            "campaign.duplicate",
            lambda: duplicating.duplicate(self.context, source.id, only),
        )
        if copy_id is not None:
            # Its name says where it came from, so that it is never blank.
            named = replace(source.fields, name=f"{source.fields.name} (copy)")
            copy = Campaign(copy_id, named, rows=None if source.rows is None else [Row(r.contact) for r in part])
            copy.changes = 1
            self.model.campaigns[copy_id] = copy
            self.model.resolve(copy)
            self._look()
            assert campaigns.get(copy_id).scheduled_at is None

    def _wanted(self, source: Campaign, seq: int, row: Row, only: str | None) -> bool:
        if only is None:
            return True
        if not source.began or row.skip is not None:
            return False
        if only == "unread":
            proofs = self.observer.proofs.get((source.id, seq), [])
            waiting = any(key == (source.id, seq) for key, _ in self.observer.kept)
            unread = self._read(source.id, seq) if waiting else "read" not in proofs
            return row.state == rules.SENT and unread and not self._rests(source.id, seq)
        if only == "failed":
            return row.state == rules.FAILED and row.code not in rules.POINTLESS and not self._rests(source.id, seq)
        return row.state == rules.UNKNOWN

    def _read(self, campaign_id: int, seq: int) -> bool:
        """Whether the store has it as unread, for callbacks of which nobody knows whether they were applied yet."""
        found = database.execute(
            "SELECT r.delivery FROM recipient r JOIN campaign c ON c.audience_id = r.audience_id "
            "WHERE c.id = ? AND r.seq = ?",
            (campaign_id, seq),
        ).fetchone()
        return bool(found[0] != rules.DELIVERY["read"])

    def _rests(self, campaign_id: int, seq: int) -> bool:
        """Whether WhatsApp withheld its message, by its answer or by a callback, less than 24 h ago."""
        found = database.execute(
            "SELECT MAX(a.at) FROM recipient r JOIN campaign c ON c.audience_id = r.audience_id "
            "JOIN attempt a ON a.campaign_id = c.id AND a.seq = r.seq "
            "WHERE c.id = ? AND r.seq = ? AND r.error = ? AND a.code = r.error",
            (campaign_id, seq, rules.WITHHELD),
        ).fetchone()
        return found[0] is not None and found[0] > self.now - DAY

    # Launching and calling off

    def _when(self, ahead: int) -> str:
        """A time as an operator types it; whole seconds with an offset."""
        return datetime.fromtimestamp(self.now // 1_000 + ahead, UTC).isoformat()

    def _at(self, ahead: int) -> int:
        return (self.now // 1_000 + ahead) * 1_000

    def _launch_problems(self, campaign: Campaign, code: str) -> set[str]:
        refusals = self.model.from_draft(campaign, code)
        if not refusals:
            # Who would get it is looked up anew before anything is decided.
            self.model.resolve(campaign)
            refusals = self.model.problems(campaign)
        return refusals

    def _schedule(self, campaign: Campaign, ahead: int) -> None:
        at = self._at(ahead)
        past = {"time_in_past"} if at <= self.now else set()
        refusals = self._launch_problems(campaign, "illegal_transition") | (
            past if campaign.status == "draft" and not campaign.deleted else set()
        )
        done = self._ask(
            refusals, "campaign.schedule", lambda: launch.schedule_at(self.context, campaign.id, self._when(ahead))
        )
        if done is not None:
            template = self.model.template(campaign)
            assert template is not None
            campaign.at, campaign.frozen = at, template.content
            assert (done.at, done.locked) == (at, at - self.now < rules.LOCK), "R16"
            self._look()

    def _send(self, campaign: Campaign) -> None:
        refusals = self._launch_problems(campaign, "illegal_transition")
        done = self._ask(refusals, "campaign.send", lambda: launch.send_now(self.context, campaign.id))
        if done is not None:
            template = self.model.template(campaign)
            assert template is not None
            campaign.frozen = template.content
            self.observer.begin(campaign)
            self._look()

    @precondition(lambda self: self.model.campaigns)
    @rule(pick=picks, ahead=aheads)
    def schedule(self, pick: int, ahead: int) -> None:
        campaign = self._pick(pick, "draft")
        assert campaign is not None
        self._schedule(campaign, ahead)

    @precondition(lambda self: self.model.campaigns)
    @rule(pick=picks)
    def send_now(self, pick: int) -> None:
        campaign = self._pick(pick, "draft")
        assert campaign is not None
        self._send(campaign)

    @precondition(lambda self: self.model.campaigns)
    @rule(pick=picks)
    def preflight(self, pick: int) -> None:
        campaign = self._pick(pick, "draft")
        assert campaign is not None
        if campaign.deleted or campaign.status != "draft":
            return
        self.model.resolve(campaign)
        problems = self.model.problems(campaign)
        found = launch.check(campaign.id, self.clock.now())
        assert {one.code for one in found.blocking} == problems, "R22"
        assert all(one.advice for one in found.blocking)
        assert (found.valid, found.price) == (campaign.valid, self.model.price(campaign))
        self._look()

    def _call_off(self, campaign: Campaign, how: str, ahead: int) -> None:
        refusals = self.model.from_scheduled(campaign, self.now)
        context, campaign_id = self.context, campaign.id
        if how == "reschedule":
            at, when = self._at(ahead), self._when(ahead)
            if not campaign.deleted and at <= self.now:
                refusals = refusals | {"time_in_past"}
            done = self._ask(refusals, "campaign.reschedule", lambda: launch.reschedule(context, campaign_id, when))
            if done is not None:
                campaign.at = at
                self._done(campaign)
            return
        call = {"cancel": launch.cancel, "reopen": launch.reopen}[how]
        if self._ask(refusals, f"campaign.{how}", lambda: call(context, campaign_id)) is not None:
            if how == "reopen":
                campaign.at = campaign.frozen = None
            self._look()

    ways = st.sampled_from(["cancel", "reopen", "reschedule"])

    @precondition(lambda self: self.model.campaigns)
    @rule(pick=picks, how=ways, ahead=aheads)
    def call_off(self, pick: int, how: str, ahead: int) -> None:
        campaign = self._pick(pick, "scheduled")
        assert campaign is not None
        self._call_off(campaign, how, ahead)

    @precondition(lambda self: any(one.status == "scheduled" for one in self.model.campaigns.values()))
    @rule(how=ways, off=st.sampled_from([-1, 0, 1]), ahead=aheads)
    def call_off_at_the_lock(self, how: str, off: int, ahead: int) -> None:
        campaign = next(one for one in self.model.campaigns.values() if one.status == "scheduled")
        assert campaign.at is not None
        wait = campaign.at - rules.LOCK + off - self.now
        if wait >= 0:
            self._pass(wait)
            self._call_off(campaign, how, ahead)

    @precondition(lambda self: any(one.status == "in_progress" for one in self.model.campaigns.values()))
    @rule(pick=picks)
    def resume(self, pick: int) -> None:
        campaign = self._pick(pick, "in_progress")
        assert campaign is not None
        self._ask(self.model.resume(campaign), "campaign.resume", lambda: resuming.resume(self.context, campaign.id))
        self._look()

    # The account

    @rule(amount=st.sampled_from([0, 1, 3, 10]))
    def add_credits(self, amount: int) -> None:
        refusals = set() if amount else {"bad_amount"}
        if self._may(refusals, "credits.add", lambda: setup.add_credits(self.context, amount)):
            self.observer.topped_up += amount
            self._look()

    @rule(who=st.integers(0, contacts.NUMBERS - 1))
    def somebody_opts_out_or_in(self, who: int) -> None:
        phone = contacts.phone(who)
        with database.transaction():
            if phone in self.model.out:
                assert optouts.remove(phone)
                self.model.opt_in(phone)
            else:
                optouts.add(phone, self.now, "by an operator")
                self.model.opt_out(phone, self.now, self.now)
        self._look()

    @rule(
        who=st.integers(0, contacts.NUMBERS - 1),
        stop=st.booleans(),
        ago=st.sampled_from([0, 0, 1, 5, 3_600]),
        by_the_worker=st.booleans(),
    )
    def somebody_replies(self, who: int, stop: bool, ago: int, by_the_worker: bool) -> None:
        seconds = self.now // 1_000 - ago
        text = {"body": "Stop!" if stop else "start"}
        said = {"from": str(contacts.phone(who)), "id": f"wamid.in.{who}", "timestamp": str(seconds), "type": "text"}
        body = {"entry": [{"changes": [{"value": {"messages": [{**said, "text": text}]}}]}]}
        callback_intake.keep(self.clock, json.dumps(body).encode())
        self.observer.replies.append((contacts.phone(who), seconds * 1_000, stop))
        if not (by_the_worker and self._works()):
            # Some other process, without a sender of its own.
            callback_intake.apply_waiting(self.clock, WORDS)
            self.observer.applied(self.now)
            self._look()
        self.met["a STOP reply" if stop else "a START reply"] += 1

    def _works(self) -> bool:
        """Give the one sound worker there is its turn; false when there is none."""
        alone = self.processes[0] if len(self.processes) == 1 else None
        if alone is None or alone.frozen or alone.stopping:
            return False
        self._pass(250)
        return True

    @rule(quota=quotas, countries=st.sampled_from([None, None, None, "DE", "IN"]))
    def the_limits_change(self, quota: int | None, countries: str | None) -> None:
        allowed = None if countries is None else (countries,)
        limits.change(self.context, lambda before: before._replace(quota=quota, countries=allowed))
        self.model.quota, self.model.countries = quota, allowed
        self.observer.limit(self.now, quota)
        self._look()

    @precondition(lambda self: self.model.campaigns)
    @rule(pick=picks, fate=st.sampled_from(list(Fate)), everybody=st.booleans())
    def an_operator_settles(self, pick: int, fate: Fate, everybody: bool) -> None:
        campaign = self._pick(pick, "completed", "failed", "in_progress")
        assert campaign is not None
        unknown = [
            seq
            for seq, row in enumerate(campaign.rows or [], 1)
            if campaign.began and row.skip is None and row.state == rules.UNKNOWN
        ]
        some = unknown if everybody else unknown[:1]
        numbers = None if everybody or not some else [f"+{campaign.row(some[0]).contact.phone}"]
        refusals = self.model.missing(campaign) or (set() if some else {"not_unknown"})
        done = self._ask(refusals, "campaign.settle", lambda: settling.settle(self.context, campaign.id, fate, numbers))
        if done is not None:
            assert done.rows == len(some), f"R42: {done.rows} settled of {some}"
            self.observer.settle(campaign, some, fate.value)
            self._look()

    @precondition(lambda self: self.model.campaigns)
    @rule(pick=picks, who=st.integers(0, contacts.NUMBERS - 1), more=st.booleans())
    def a_test_is_sent(self, pick: int, who: int, more: bool) -> None:
        campaign = self._pick(pick, "draft", "scheduled")
        assert campaign is not None
        numbers = [f"+{contacts.phone(one % contacts.NUMBERS)}" for one in ((who, who + 1) if more else (who,))]
        try:
            testsends.send(self.context, campaign.id, numbers)
        except EngineError as error:
            assert error.code in TEST_REFUSALS, f"R32: {error.code}"
            self.met[f"campaign.test_send refused: {error.code}"] += 1
        else:
            self.met["campaign.test_send"] += 1
        self._look()

    @rule(
        which=st.sampled_from([1, 2]),
        status=st.sampled_from(["APPROVED", "APPROVED", "PAUSED", "PENDING"]),
        content=st.sampled_from([0, 0, 1, rules.EXTRA]),
    )
    def the_template_changes(self, which: int, status: str, content: int) -> None:
        template = self.model.templates[which]
        template.status, template.content = status, content
        made = _template("picture" if template.media else "greeting", content, template.media, status)
        setup.add_templates(self.context, builders.template_file(self.folder, made))
        self._look()

    @rule(which=st.sampled_from([1, 2]), status=st.sampled_from(["CONNECTED", "CONNECTED", "BANNED"]))
    def the_sender_changes(self, which: int, status: str) -> None:
        self.model.senders[which] = status
        database.execute("UPDATE sender SET status = ? WHERE id = ?", (status, which))
        self._look()

    # Time, processes and the gateway

    @rule(steps=st.integers(1, 5), ms=st.sampled_from([50, 250, 250, 1_000]), what=plans)
    def the_worker_works(self, steps: int, ms: int, what: list[str | int]) -> None:
        if len(self.exchange.plans) < MOST_PLANS:
            self.exchange.plans.extend(what)
        for _ in range(steps):
            self._pass(ms)

    @precondition(lambda self: any(one.status == "scheduled" for one in self.model.campaigns.values()))
    @rule(late=st.sampled_from([0, 0, 250, 1_000, 2_001, 61 * MINUTE]))
    def the_next_one_is_due(self, late: int) -> None:
        at = min(one.at or 0 for one in self.model.campaigns.values() if one.status == "scheduled")
        self._pass(max(0, at - self.now + late))
        self._pass(250)

    @rule(ms=st.sampled_from([1, 100, 5_000, 16_000, 4 * MINUTE, 10 * MINUTE, HOUR, 61 * MINUTE, 3 * HOUR, DAY]))
    def time_passes(self, ms: int) -> None:
        self._pass(ms)

    @rule(steps=st.integers(1, 5), ms=st.sampled_from([250, 1_000, 16_000]))
    def the_gateway_takes_all_again(self, steps: int, ms: int) -> None:
        self.exchange.plans.clear()
        self.exchange.up = True
        for _ in range(steps):
            self._pass(ms)

    @rule(up=st.booleans())
    def the_gateway_is_up(self, up: bool) -> None:
        self.exchange.up = up

    @precondition(lambda self: self.exchange.open())
    @rule(pick=picks, told=st.sampled_from([ACCEPT, ACCEPT, "unknown", *rules.FOR_GOOD, *rules.LATER, 132015]))
    def an_answer_comes(self, pick: int, told: str | int) -> None:
        waiting = self.exchange.open()
        handed = waiting[pick % len(waiting)]
        if not handed.taken and told == ACCEPT:
            told = 131026
        self.exchange.answer(handed, told if told == "unknown" or not handed.taken else ACCEPT)
        self._pass(0)

    @precondition(lambda self: len(self.processes) < 2)
    @rule()
    def another_worker_starts(self) -> None:
        self._start_process()

    @precondition(lambda self: self.processes)
    @rule(pick=picks, again=st.booleans())
    def a_worker_is_killed(self, pick: int, again: bool) -> None:
        self.observer.orphan()
        process = self.processes.pop(pick % len(self.processes))
        process.killed()
        self.dead.append(process)
        if again:
            self._start_process()

    @precondition(lambda self: any(not one.frozen for one in self.processes))
    @rule(pick=picks)
    def a_worker_hangs(self, pick: int) -> None:
        live = [one for one in self.processes if not one.frozen]
        live[pick % len(live)].frozen = True
        self.observer.orphan()

    @precondition(lambda self: any(one.frozen for one in self.processes))
    @rule(pick=picks)
    def a_hung_worker_wakes(self, pick: int) -> None:
        hung = [one for one in self.processes if one.frozen]
        hung[pick % len(hung)].frozen = False
        self._pass(0)

    @precondition(lambda self: any(not one.frozen for one in self.processes))
    @rule(pick=picks)
    def a_worker_is_stopped(self, pick: int) -> None:
        live = [one for one in self.processes if not one.frozen]
        process = live[pick % len(live)]
        waiting = {(one.campaign, one.seq) for one in self.exchange.open() if one.process == process.number}
        before = self._unknown()
        process.stop()
        for _ in range(40):
            if process.ended:
                break
            self._pass(250)
        assert process.ended, "an orderly stop takes at most 10 s"
        silent = {(one.campaign, one.seq) for one in self.exchange.log if one.answer == "unknown"}
        assert self._unknown() - before <= waiting | silent | self.observer.orphans, "an orderly stop loses nothing"

    def _unknown(self) -> set[tuple[int, int]]:
        return {
            (one.id, seq)
            for one in self.model.campaigns.values()
            for seq, row in enumerate(one.rows or [], 1)
            if one.began and row.state == rules.UNKNOWN
        }

    # Callbacks

    @precondition(lambda self: any(one.taken for one in self.exchange.log))
    @rule(pick=picks, statuses=st.lists(st.sampled_from(list(rules.DELIVERY)), min_size=1, max_size=3))
    def callbacks_come(self, pick: int, statuses: list[str]) -> None:
        taken = [one for one in self.exchange.log if one.taken]
        handed = taken[-1 - pick % len(taken)]
        reference = f"{handed.campaign}.{handed.seq}.{handed.attempt}"
        for status in statuses:
            self._callback(handed.message_id, reference, status)
            self.observer.kept.append(((handed.campaign, handed.seq), status))
        self._look()

    @rule(reference=st.sampled_from(["999.1.1", "1.999.1", "nobody's", ""]))
    def a_callback_comes_for_nothing_known(self, reference: str) -> None:
        self._callback("wamid.unknown", reference, "delivered")
        self._look()

    def _callback(self, message_id: str, reference: str, status: str) -> None:
        told: dict[str, Any] = {
            "id": message_id,
            "status": status,
            "timestamp": str(self.now // 1_000),
            "biz_opaque_callback_data": reference,
        }
        if status == "failed":
            told["errors"] = [{"code": rules.WITHHELD, "title": "not delivered"}]
        body = {"entry": [{"changes": [{"value": {"statuses": [told]}}]}]}
        callback_intake.keep(self.clock, json.dumps(body).encode())

    # The end

    def _to_the_end(self) -> None:
        """With a sound gateway and a worker what runs comes to its end, and nothing is lost (R5, R6, R43)."""
        self.exchange.plans.clear()
        self.exchange.up = True
        self.the_limits_change(None, None)
        for process in self.processes:
            process.frozen = False
        for handed in self.exchange.open():
            self.exchange.answer(handed, ACCEPT if handed.taken else 131026)
        # One that hung finds first that its lease has lapsed.
        self._pass(0)
        if not self.processes:
            self._start_process()
        for _ in range(60):
            running = [one for one in self.model.campaigns.values() if one.status == "in_progress"]
            if not running:
                break
            for campaign in running:
                if campaign.held:
                    resuming.resume(self.context, campaign.id)
                    self._look()
            self._pass(1_000)
            self._pass(16_000)
        assert not running, f"still in progress: {running}"
        self.observer.taken()
