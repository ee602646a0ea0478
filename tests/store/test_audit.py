"""The audit trail."""

from __future__ import annotations

import peewee
import pytest

from store import audit, database
from store.types import Actor, AuditEvent
from tests.clock import START

ANN = Actor("ann", "10.0.0.7")


def test_R11_an_event_says_who_when_from_where_what_before_and_after(db: str) -> None:
    audit.write(START, ANN, "campaign.edit", 7, before={"name": "Old"}, after={"name": "नया"}, detail="typed")
    assert audit.events() == [
        AuditEvent(1, START, "ann", "10.0.0.7", "campaign.edit", 7, {"name": "Old"}, {"name": "नया"}, "typed")
    ]


def test_R11_an_event_without_details_has_empty_ones(db: str) -> None:
    audit.write(START, Actor("worker"), "signed_in")
    assert audit.events() == [AuditEvent(1, START, "worker", "", "signed_in", None, {}, {}, "")]


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"])
def test_R11_the_trail_is_append_only(db: str, statement: str) -> None:
    audit.write(START, ANN, "campaign.create", 1)
    with pytest.raises(peewee.DatabaseError, match="append-only"), database.transaction():
        database.execute(statement)
    assert [one.actor for one in audit.events()] == ["ann"]


def test_an_event_ends_with_the_transaction_that_it_tells_of(db: str) -> None:
    with pytest.raises(RuntimeError), database.transaction():
        audit.write(START, ANN, "campaign.create", 1)
        raise RuntimeError
    assert audit.events() == []


def test_events_are_chosen_by_campaign_and_time_the_newest_ones_oldest_first(db: str) -> None:
    for n in range(6):
        audit.write(START + n, ANN, f"step {n}", n % 2)
    assert [one.action for one in audit.events(1)] == ["step 1", "step 3", "step 5"]
    assert [one.action for one in audit.events(since=START + 4)] == ["step 4", "step 5"]
    assert [one.action for one in audit.events(limit=2)] == ["step 4", "step 5"]
    assert [one.action for one in audit.events(1, since=START + 2, limit=1)] == ["step 5"]


def test_events_in_pages_are_the_newest_first_by_campaign_and_text(db: str) -> None:
    for n in range(5):
        note = "Typed" if n == 3 else ""
        audit.write(START + n, ANN, f"step.{n}", n % 2, after={"name": f"50% नया {n}"}, detail=note)
    assert list(audit.ids()) == [5, 4, 3, 2, 1]
    assert list(audit.ids(1)) == [4, 2]
    assert list(audit.ids(search="typed")) == [4]
    assert list(audit.ids(0, "नया 2")) == [3]
    # The characters that SQL reads as patterns are text too.
    assert list(audit.ids(search="50%")) == [5, 4, 3, 2, 1]
    assert list(audit.ids(search="5%n")) == list(audit.ids(search="step_1")) == []
    assert list(audit.ids(search="10.0.0.7")) == [5, 4, 3, 2, 1]
    assert audit.page([2, 99]) == {2: audit.events()[1]}
    assert [one.id for one in audit.events(actor="ann", limit=2)] == [4, 5]
    assert audit.events(actor="bob") == []


def test_the_newest_id_goes_up_with_every_event(db: str) -> None:
    assert audit.newest() == 0
    audit.write(START, ANN, "one")
    audit.write(START, ANN, "two")
    assert audit.newest() == 2
