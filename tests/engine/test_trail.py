"""What an event changed, in words."""

from __future__ import annotations

from engine.trail import Change, changes, summary
from store.types import AuditEvent


def event(before: dict[str, object], after: dict[str, object], detail: str = "") -> AuditEvent:
    return AuditEvent(1, 0, "ann", "", "campaign.edit", 7, before, after, detail)


def test_R11_what_was_before_and_after_key_by_key() -> None:
    found = changes(
        event(
            {"name": "Old", "fills": {"body.1": {"column": "Name"}}, "grace": 60, "gone": None},
            {"name": "नया", "fills": {"body.1": {"column": "Name", "fallback": ""}}, "grace": 60, "held": True},
        )
    )
    assert found == [
        Change("name", "Old", "नया"),
        Change("fills.body.1.column", "Name", "Name"),
        Change("grace", "60", "60"),
        Change("gone", "-", None),
        Change("fills.body.1.fallback", None, ""),
        Change("held", None, "true"),
    ]
    assert [change.changed for change in found] == [True, False, False, True, True, True]


def test_R11_in_one_line_only_what_changed() -> None:
    told = summary(event({"status": "scheduled", "price": 5}, {"status": "cancelled", "price": 5}, "typed by hand"))
    assert told == "typed by hand; status: scheduled -> cancelled"
    assert summary(event({"name": "Old"}, {})) == "name: Old -> -"
    assert summary(event({}, {"amount": 100})) == "amount: 100"
    assert summary(event({}, {})) == ""
