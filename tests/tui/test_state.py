"""What the console takes up again next time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.types import SortKey, Status
from tui import state
from tui.state import UiState

SEEN = UiState(Status.FAILED, SortKey.NAME, True, "diwali", 3, 42, 1_795_424_400_000, 1_795_510_800_000)
DATABASE = "postgresql://asha:secret@db.example/sendoff"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "console.json"


def test_what_was_saved_comes_back(path: Path) -> None:
    assert state.save(path, DATABASE, SEEN)
    assert state.load(path, DATABASE) == SEEN


def test_nothing_is_remembered_at_first(path: Path) -> None:
    assert state.load(path, DATABASE) == UiState()


def test_every_database_has_its_own(path: Path) -> None:
    state.save(path, "a.db", SEEN)
    state.save(path, "b.db", UiState(cursor=1))
    assert state.load(path, "a.db") == SEEN
    assert state.load(path, "b.db") == UiState(cursor=1)
    assert state.load(path, "c.db") == UiState()


def test_only_the_databases_used_last_are_remembered(path: Path) -> None:
    for n in range(state.KEPT + 2):
        state.save(path, f"{n}.db", UiState(cursor=n + 1))
        state.save(path, "0.db", SEEN)
    assert state.load(path, "0.db") == SEEN, "it is used all the time"
    assert state.load(path, "1.db") == UiState()
    assert state.load(path, f"{state.KEPT + 1}.db") == UiState(cursor=state.KEPT + 2)


def test_the_file_is_the_users_alone_and_holds_no_password(path: Path) -> None:
    state.save(path, DATABASE, SEEN)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "secret" not in path.read_text()
    assert [one.name for one in path.parent.iterdir()] == ["console.json"], "nothing is left beside it"


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", '"x"', "{}", "\x00\xff", '{"version": 2, "databases": {}}', '{"version": 1}',
        '{"version": 1, "databases": []}', "[" * 100_000, " " * 300_000,
    ],
    ids=range(12),
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_as_none_and_is_replaced(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8")
    assert state.load(path, DATABASE) == UiState()
    assert state.save(path, DATABASE, SEEN)
    assert state.load(path, DATABASE) == SEEN


def write(path: Path, remembered: object) -> None:
    path.parent.mkdir(exist_ok=True)
    document = {"version": state.VERSION, "databases": {state._key(DATABASE): remembered}}
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tab", "archived"), ("tab", 3), ("sort", "colour"), ("sort", ["name"]), ("reverse", "yes"), ("search", 5),
        ("cursor", -1), ("cursor", True), ("cursor", 2**63), ("cursor", 1.5), ("cursor", "7"), ("sender_id", {}),
        ("since", "2026-11-23"), ("until", 2**63),
    ],
)  # fmt: skip
def test_a_field_that_makes_no_sense_costs_only_itself(path: Path, field: str, value: object) -> None:
    good = {"tab": "failed", "sort": "name", "reverse": True, "search": "diwali", "sender_id": 3, "cursor": 42}
    good |= {"since": SEEN.since, "until": SEEN.until}
    write(path, good | {field: value})
    found = state.load(path, DATABASE)
    assert getattr(found, field) == getattr(UiState(), field)
    assert sum(getattr(found, name) == getattr(SEEN, name) for name in good) == len(good) - 1


def test_fields_of_another_release_are_ignored(path: Path) -> None:
    write(path, {"cursor": 42, "theme": "pink"})
    assert state.load(path, DATABASE) == UiState(cursor=42)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["tab", "sort", "reverse", "search", "sender_id", "cursor"]), json_values))
def test_whatever_stands_there_a_usable_state_comes_out(
    tmp_path_factory: pytest.TempPathFactory, remembered: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "nonsense" / "console.json"
    write(path, remembered)
    found = state.load(path, DATABASE)
    assert found.tab is None or isinstance(found.tab, Status)
    assert isinstance(found.sort, SortKey)
    assert isinstance(found.search, str)


def test_where_it_cannot_be_written_nothing_breaks(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert not state.save(blocked / "console.json", DATABASE, SEEN)
    assert not state.save(tmp_path, DATABASE, SEEN), "a folder stands in its place"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file"]


def test_the_default_file_is_in_the_users_state_folder() -> None:
    assert state.default_path().parts[-2:] == ("sendoff", "console.json")
