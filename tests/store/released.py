"""Databases as each released schema had them: made by the migrations up to one, filled by that schema's own SQL.

Nothing here goes through the program's code of today, which would fill in what an old release did not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from store import database, migrate

AT = 1_760_000_000_000
"""When it was all done: 9 October 2025."""
PRICE = 2
TEMPLATE = {
    "id": 1, "name": "sale", "language": "en", "status": "APPROVED", "category": "MARKETING",
    "parameter_format": "POSITIONAL", "components": [{"type": "BODY", "text": "Hello {{1}}"}],
    "quality": "GREEN", "updated_at": AT,
}  # fmt: skip
STATUSES = ("draft", "scheduled", "in_progress", "completed", "failed", "cancelled")
DRAFT, SCHEDULED, RUNNING, COMPLETED, FAILED, CANCELLED = range(1, 7)

PENDING, SENT, REFUSED, UNKNOWN, SKIPPED = range(5)
ROWS: dict[int, tuple[int, ...]] = {
    DRAFT: (PENDING, PENDING, SKIPPED),
    SCHEDULED: (PENDING, PENDING),
    # Row 5 waits to be tried again, row 6 is on its way, rows 7 and 8 have not had their turn.
    RUNNING: (SENT, REFUSED, UNKNOWN, SKIPPED, PENDING, PENDING, PENDING, PENDING),
    COMPLETED: (SENT, SENT, REFUSED, UNKNOWN),
    FAILED: (REFUSED, REFUSED),
    CANCELLED: (PENDING,),
}
CHANGES = {
    DRAFT: (),
    SCHEDULED: (("campaign.schedule", "draft", "scheduled"),),
    RUNNING: (("campaign.send", "draft", "in_progress"),),
    COMPLETED: (
        ("campaign.schedule", "draft", "scheduled"),
        ("campaign.start", "scheduled", "in_progress"),
        ("campaign.completed", "in_progress", "completed"),
    ),
    FAILED: (("campaign.send", "draft", "in_progress"), ("campaign.failed", "in_progress", "failed")),
    CANCELLED: (("campaign.schedule", "draft", "scheduled"), ("campaign.cancel", "scheduled", "cancelled")),
}


def make(file: Path, newest: str, folder: Path, use: Any) -> None:
    """A database whose newest migration is `newest`, with data; `use` makes the program see only those migrations."""
    folder.mkdir()
    for one in migrate.DIRECTORY.glob("[0-9]*.py"):
        if one.stem <= newest:
            (folder / one.name).write_text(one.read_text())
    use(folder)
    database.open_database(str(file), create=True)
    with database.session(), database.transaction():
        Filler(int(newest[:4])).fill()
    database.close_database()


class Filler:
    """Fills a database of one schema version."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.balance = [0, 0, 0]

    def fill(self) -> None:
        put("account", id=1, name="Acme", timezone="Asia/Kolkata", gateway="simulator", free=0, reserved=0, spent=0,
            quota=1000, created_at=AT)  # fmt: skip
        put("sender", id=1, number=918040214021, phone_number_id="1001", rate=80, quality="GREEN", status="CONNECTED",
            created_at=AT)  # fmt: skip
        facts = {name: value for name, value in TEMPLATE.items() if name != "components"}
        put("template", **facts, components=json.dumps(TEMPLATE["components"]))
        put("opt_out", phone=4915170000099, since=AT, origin="reply: STOP")
        put(
            "lease",
            name="sender:1",
            owner="",
            fence=3,
            until=0,
            host="attic",
            pid=1,
            role="service",
            since=AT,
            status="",
        )
        self.move("top_up", 1_000, None)
        for campaign_id, status in enumerate(STATUSES, 1):
            self.campaign(campaign_id, status)
        if self.version >= 2:
            self.rules()
        put_balance(self.balance)

    def move(self, kind: str, amount: int, campaign_id: int | None, key: str | None = None) -> None:
        free, reserved, spent = {
            "top_up": (1, 0, 0), "reserve": (-1, 1, 0), "settle": (0, -1, 1), "release": (1, -1, 0),
        }[kind]  # fmt: skip
        if not amount:
            return
        for at, sign in enumerate((free, reserved, spent)):
            self.balance[at] += sign * amount
        put("ledger", at=AT, kind=kind, amount=amount, free_after=self.balance[0], reserved_after=self.balance[1],
            spent_after=self.balance[2], campaign_id=campaign_id, actor="asha", note="", key=key)  # fmt: skip

    def campaign(self, campaign_id: int, status: str) -> None:
        states = ROWS[campaign_id]
        began = status in ("in_progress", "completed", "failed")
        put("audience", id=campaign_id, file="c.csv", columns='["number","name"]', number_column="number",
            country="IN", imported_at=AT, complete=1)  # fmt: skip
        put("campaign", id=campaign_id, name=f"One {status}", status=status, status_detail="{}", hold_text="",
            status_reason="all_rejected" if status == "failed" else None, sender_id=1, template_id=1,
            template_name="sale", template_frozen=None if status == "draft" else compact(TEMPLATE),
            fills='{"body.1":{"column":"name","fallback":"friend"}}', audience_id=campaign_id, over_quota="fail",
            grace=60, scheduled_at=AT + 10**12 if status == "scheduled" else None, timezone="Asia/Kolkata",
            send_now=0, price=PRICE * len(states), prices=f'{{"":{PRICE}}}' if began else "{}", created_by="asha",
            created_at=AT, edited_at=AT, started_at=AT if began else None,
            finished_at=AT if status in ("completed", "failed", "cancelled") else None, list_key=-AT,
            version=3)  # fmt: skip
        self.rows(campaign_id, states, began)
        self.counters(campaign_id, states, began)
        put("audit", at=AT, actor="asha", terminal="", action="campaign.create", campaign_id=campaign_id, before="{}",
            after='{"name":"x"}', detail="")  # fmt: skip
        for action, before, after in CHANGES[campaign_id]:
            put("audit", at=AT, actor="asha", terminal="", action=action, campaign_id=campaign_id,
                before=compact({"status": before}), after=compact({"status": after}), detail="")  # fmt: skip
        if campaign_id == RUNNING:
            put("retry", campaign_id=campaign_id, seq=5, not_before=AT)
            put("send_window", campaign_id=campaign_id, fence=3, lo=1, hi=6, retried="[]", opened_at=AT)
            put("attempt", campaign_id=campaign_id, seq=5, n=1, at=AT, outcome="put_back", code=130429, detail="")

    def rows(self, campaign_id: int, states: tuple[int, ...], began: bool) -> None:
        for seq, state in enumerate(states, 1):
            handed = began and (state in (SENT, REFUSED, UNKNOWN))
            phone = 4915170000000 + 10 * campaign_id + seq
            extra = {"pricing": "marketing/regular"} if self.version >= 10 and state == SENT else {}
            put("recipient", audience_id=campaign_id, seq=seq, line=seq + 1, phone=phone, country="DE",
                cells=compact([f"+{phone}", "Asha"]), state=state, skip="opted_out" if state == SKIPPED else None,
                attempt=int(handed), tried=int(handed), message_id=f"wamid.{phone}" if state == SENT else None,
                error=131026 if state == REFUSED else None, delivery=2 if state == SENT else 0,
                handed_at=AT if handed else None, sent_at=AT + 1500 if state == SENT else None,
                delivered_at=AT + 9000 if state == SENT else None, **extra)  # fmt: skip
            on_its_way = campaign_id == RUNNING and seq == 6
            if self.version >= 3 and began and (state in (SENT, UNKNOWN) or on_its_way):
                put("contact", phone=phone, campaign_id=campaign_id, seq=seq, at=AT + 1500, marketing=1)
                database.execute("UPDATE quota_meter SET used = used + 1")

    def counters(self, campaign_id: int, states: tuple[int, ...], began: bool) -> None:
        n = {state: states.count(state) for state in range(5)}
        valid = len(states) - n[SKIPPED]
        reserved, settled, released = (PRICE * k if began else 0 for k in (valid, n[SENT], n[REFUSED]))
        put("progress", campaign_id=campaign_id, audience=len(states), skipped=n[SKIPPED], pending=n[PENDING],
            sent=n[SENT], failed=n[REFUSED], unknown=n[UNKNOWN], delivered=n[SENT], read=0, undelivered=0,
            handed=6 if campaign_id == RUNNING else valid if began else 0, reserved=reserved, settled=settled,
            released=released, version=1)  # fmt: skip
        counts = {("skip", "opted_out"): n[SKIPPED], ("error", "131026"): n[REFUSED], ("country", "DE"): valid}
        if self.version >= 6:
            counts["sent_at", "1"] = n[SENT]
        if self.version >= 10:
            counts["pricing", "marketing/regular"] = n[SENT]
        for (kind, key), count in counts.items():
            if count:
                put("tally", campaign_id=campaign_id, kind=kind, key=key, n=count)
        self.move("reserve", reserved, campaign_id, f"reserve:{campaign_id}")
        self.move("settle", settled, campaign_id)
        self.move("release", released, campaign_id)

    def rules(self) -> None:
        """What the second migration brought: series, test sends, the clock's memory."""
        put("series", id=1, name="Weekly", cron="0 10 * * MON", timezone="UTC", state="active", sender_id=1,
            template_id=1, fills="{}", audience_id=1, over_quota="fail", grace=60, note="", created_by="asha",
            created_at=AT, edited_at=AT, version=1)  # fmt: skip
        put("occurrence", series_id=1, local="2025-10-13 10:00", at=AT, campaign_id=SCHEDULED, outcome="created")
        put("clock_mark", boot="old", wall=AT, steady=1)
        for test_id, state in ((1, SENT), (2, REFUSED), (3, UNKNOWN)):
            put("test_send", id=test_id, campaign_id=DRAFT, sender_id=1, phone=4915170000500 + test_id, payload="{}",
                price=PRICE, actor="asha", asked_at=AT, state=state, fence=3, handed_at=AT, detail="",
                delivery=0)  # fmt: skip
            self.move("reserve", PRICE, None, f"test:{test_id}:reserve")
            ended = {SENT: "settle", REFUSED: "release"}.get(state)
            if ended:
                self.move(ended, PRICE, None, f"test:{test_id}:end")


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def put(table: str, **columns: Any) -> None:
    """Insert one row in the schema's own words."""
    names = ", ".join(columns)
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})", tuple(columns.values()))


def put_balance(balance: list[int]) -> None:
    database.execute("UPDATE account SET free = ?, reserved = ?, spent = ?", tuple(balance))


def kept() -> Mapping[str, list[tuple[Any, ...]]]:
    """What no migration may lose or change, in the columns that every schema has."""
    asked = {
        "campaign": "id, name, status, status_reason, fills, price, prices, scheduled_at, started_at, template_frozen",
        "recipient": "audience_id, seq, phone, cells, state, skip, attempt, message_id, error, delivery, sent_at",
        "progress": "campaign_id, audience, skipped, pending, sent, failed, unknown, handed, reserved, settled",
        "ledger": "id, at, kind, amount, free_after, reserved_after, spent_after, campaign_id, note, key",
        "audit": "id, at, actor, action, campaign_id, before, after",
        "send_window": "id, campaign_id, fence, lo, hi, retried",
        "retry": "campaign_id, seq, not_before",
        "attempt": "campaign_id, seq, n, outcome, code",
        "lease": "name, fence",
        "opt_out": "phone, since, origin",
        "template": "name, language, status, components",
    }
    return {
        table: list(database.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2").fetchall())
        for table, columns in asked.items()
    }
