"""Series, their occurrences and the audiences they copy (R21)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import audiences, database, occurrences, recipients, series
from store.errors import Missing
from store.occurrences import Firing, Outcome
from store.series import SeriesFields, State
from store.types import Audience, OverQuota, RecipientState, SkipReason
from tests.clock import START
from tests.store.scene import contact, contacts

HOUR = 3_600_000


@pytest.fixture
def db(tmp_path: Path) -> Iterator[None]:
    database.open_database(str(tmp_path / "series.db"), create=True)
    with database.session():
        yield
    database.close_database()


def audience(rows: int = 5) -> Audience:
    audience_id = audiences.new_audience("c.csv", ("Number", "Name"), "Number", None, START)
    audiences.add_rows(audience_id, 1, [*contacts(rows), contact(99, skip=SkipReason.INVALID_NUMBER)])
    return Audience(audience_id, "c.csv", ("Number", "Name"), "Number", None)


def made(state: State = State.ACTIVE) -> series.Series:
    fields = SeriesFields(
        "Weekly", "0 10 * * MON", "UTC", None, None, None, {}, audience().id, OverQuota.WAIT, 5
    )  # fmt: skip
    series_id = series.create(fields, "ann", START)
    if state is not State.ACTIVE:
        assert series.change_state(series_id, 1, (State.ACTIVE,), state, START)
    return series.get(series_id)


def fire(one: series.Series, local: str, at: int) -> int | None:
    copy = audiences.copy(one.audience, START)
    return occurrences.fire(
        Firing(one, local, at, Outcome.CREATED, f"Weekly {local}", None, copy, {"invalid_number": 1}, {"IN": 5}, 5),
        "worker",
        START,
    )


def test_R21_a_series_keeps_what_it_is_made_of(db: None) -> None:
    one = made()
    assert (one.name, one.cron, one.over_quota, one.grace, one.state) == (
        "Weekly", "0 10 * * MON", OverQuota.WAIT, 5, State.ACTIVE,
    )  # fmt: skip
    assert one.audience.columns == ("Number", "Name")
    with pytest.raises(Missing):
        series.get(77)
    with pytest.raises(Missing):
        series.name_of(77)


def test_R21_an_occurrence_is_made_once(db: None) -> None:
    one = made()
    first = fire(one, "2026-11-30T10:00", START + HOUR)
    assert first is not None
    assert fire(one, "2026-11-30T10:00", START + HOUR) is None
    assert not occurrences.miss(one.id, "2026-11-30T10:00", START + HOUR)
    (known,) = occurrences.of_series(one.id, 10)
    assert (known.campaign_id, known.outcome) == (first, Outcome.CREATED)


@pytest.mark.parametrize("state", [State.PAUSED, State.ENDED])
def test_R21_a_series_that_is_not_active_or_changed_fires_nothing(db: None, state: State) -> None:
    one = made()
    assert series.change_state(one.id, one.version, (State.ACTIVE,), state, START)
    assert fire(one, "2026-11-30T10:00", START + HOUR) is None
    # Also when whoever prepares it read the new version.
    assert fire(series.get(one.id), "2026-11-30T10:00", START + HOUR) is None
    assert occurrences.of_series(one.id, 10) == []


def test_R21_what_was_prepared_of_a_series_before_it_changed_is_not_made(db: None) -> None:
    one, _other_of_that_version = made(), made()
    assert series.change_state(one.id, one.version, (State.ACTIVE,), State.PAUSED, START)
    assert series.change_state(one.id, one.version + 1, (State.PAUSED,), State.ACTIVE, START)
    assert fire(one, "2026-11-30T10:00", START + HOUR) is None
    assert occurrences.of_series(one.id, 10) == []
    assert fire(series.get(one.id), "2026-11-30T10:00", START + HOUR) is not None


def test_R21_only_active_series_without_an_occurrence_ahead_want_one(db: None) -> None:
    one = made()
    made(State.PAUSED)
    assert series.wanting(START) == [one.id]
    fire(one, "2026-11-30T10:00", START + HOUR)
    assert series.wanting(START + HOUR - 1) == []
    assert series.wanting(START + HOUR) == [one.id]


def test_R21_to_look_what_is_wanted_walks_no_history(db: None) -> None:
    one = made()
    with database.transaction():
        for n in range(2_000):
            occurrences.miss(one.id, f"2026-{n:06d}", START + n)
    database.analyze()
    asked: list[str] = []
    execute = database.execute
    with pytest.MonkeyPatch.context() as patch:
        for module in (series, occurrences):
            patch.setattr(module, "execute", lambda sql, params=(): asked.append(sql) or execute(sql, params))  # type: ignore[func-returns-value]
        series.wanting(START)
        occurrences.ahead(START)
    for sql in asked:
        plan = [row[-1] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", (START,)).fetchall()]
        assert any("SEARCH occurrence USING " in line and "series_id=?" in line for line in plan), plan
        assert not any("TEMP B-TREE" in line or "SCAN o" in line for line in plan), plan


def test_R21_a_copy_has_every_row_fresh_and_a_series_keeps_its_own(db: None) -> None:
    one = made()
    copy = audiences.copy(one.audience, START)
    rows = [row for chunk in recipients.chunks(copy) for row in chunk]
    assert [row.skip for row in rows] == [None] * 5 + [SkipReason.INVALID_NUMBER]
    audiences.set_skips(copy, [(rows[0], SkipReason.OPTED_OUT)])
    first = next(iter(recipients.chunks(copy)))[0]
    assert (first.state, first.skip) == (RecipientState.SKIPPED, SkipReason.OPTED_OUT)
    audiences.set_skips(copy, [(first, None)])
    first = next(iter(recipients.chunks(copy)))[0]
    assert (first.state, first.skip) == (RecipientState.PENDING, None)
    audiences.drop_audience(copy)
    audiences.drop_audience(one.audience.id)
    assert list(recipients.chunks(copy)) == []
    assert len(next(iter(recipients.chunks(one.audience.id)))) == 6


def test_R21_what_is_done_to_a_series_leaves_the_others(db: None) -> None:
    before, one, after = made(), made(), made()
    unfinished = audience().id
    series.set_note(one.id, "missed one")
    assert [series.get(other.id) for other in (before, after)] == [before, after]
    assert series.get(one.id).note == "missed one"
    assert not series.change_state(one.id, one.version, (State.PAUSED,), State.ENDED, START), "it is not paused"
    assert series.change_state(one.id, one.version, (State.ACTIVE,), State.PAUSED, START)
    assert not series.change_state(one.id, one.version, (State.PAUSED,), State.ACTIVE, START), "changed meanwhile"
    assert [series.get(other.id) for other in (before, after)] == [before, after]
    made()
    complete = database.execute("SELECT complete FROM audience WHERE id = ?", (unfinished,)).fetchone()
    assert not complete[0], "an import that is under way"


def test_R21_a_firing_is_noted_with_its_own_occurrence(db: None) -> None:
    one, other = made(), made()
    for each in (one, other):
        assert occurrences.miss(each.id, "2026-11-23T10:00", START)
    first = fire(one, "2026-11-30T10:00", START + HOUR)
    unfinished = audience().id
    second = fire(other, "2026-11-30T10:00", START + HOUR)
    for series_id, campaign_id in ((one.id, first), (other.id, second)):
        found = [(known.local, known.campaign_id, known.outcome) for known in occurrences.of_series(series_id, 10)]
        assert found == [
            ("2026-11-30T10:00", campaign_id, Outcome.CREATED),
            ("2026-11-23T10:00", None, Outcome.MISSED),
        ]
    complete = database.execute("SELECT complete FROM audience WHERE id = ?", (unfinished,)).fetchone()
    assert not complete[0], "an import that is under way"
