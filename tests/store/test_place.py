"""Where a database lies: for its owner alone whatever the umask, and in no folder that others can change."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import database, place
from store.errors import UnsafeFolder


@pytest.fixture(params=[0o000, 0o277, 0o022], ids=["000", "277", "022"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_database_and_what_is_beside_it_is_0600_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    database.open_database(str(file), create=True)
    with database.session(), database.transaction():
        database.execute("INSERT INTO opt_out VALUES (1, 1, 'x')")
        assert [one.name for one in place.beside(file)][:3] == ["new.db", "new.db-wal", "new.db-shm"]
        assert {mode(one) for one in place.beside(file)} == {0o600}
        assert place.open_to_others(file) == []
    database.close_database()


def test_a_folder_that_is_made_is_its_owners(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        database.open_database(str(tmp_path / "data" / "new.db"), create=True)
    finally:
        os.umask(before)
    assert mode(tmp_path / "data") == 0o700
    assert {mode(one) for one in (tmp_path / "data").iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("folder_mode", "refused"), [(0o777, True), (0o702, True), (0o1777, False), (0o755, False), (0o700, False)]
)
def test_a_folder_that_others_can_write_to_is_refused_unless_it_is_sticky(
    folder_mode: int, refused: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(folder_mode)
    file = folder / "new.db"
    if refused:
        with pytest.raises(UnsafeFolder, match="Others can write to the folder") as caught:
            database.open_database(str(file), create=True)
        assert caught.value.folder == folder
        assert list(folder.iterdir()) == []
    else:
        database.open_database(str(file), create=True)
        assert file.exists()
    database.close_database()


def test_a_group_with_other_members_is_others_and_ones_own_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "group"
    folder.mkdir()
    folder.chmod(0o770)
    found = folder.stat()
    monkeypatch.setattr("store.place.pwd.getpwuid", lambda uid: _Named("asha"))
    for name, members, refused in (("asha", [], False), ("asha", ["ben"], True), ("staff", [], True)):
        group = _Named(name, members)
        monkeypatch.setattr("store.place.grp.getgrgid", lambda gid, group=group: group)
        assert (place.folder_of_others(folder / "x.db") == folder) is refused, (name, members, found)


class _Named:
    def __init__(self, name: str, members: list[str] | None = None) -> None:
        self.pw_name = self.gr_name = name
        self.gr_mem = members or []


def test_the_folder_is_that_of_the_file_a_link_leads_to(tmp_path: Path) -> None:
    shared, own = tmp_path / "shared", tmp_path / "own"
    shared.mkdir()
    shared.chmod(0o777)
    own.mkdir()
    (own / "x.db").symlink_to(shared / "x.db")
    assert place.folder_of_others(own / "x.db") == shared
    assert place.folder_of_others(tmp_path / "none" / "x.db") is None


def test_what_a_killed_process_left_beside_a_database_is_cleared_away_and_what_somebody_writes_stays(
    tmp_path: Path,
) -> None:
    file = tmp_path / "acme.db"
    left = [tmp_path / ".acme.db.abc_1234.partial", tmp_path / ".acme.db.abc_1234.partial-wal"]
    others = [tmp_path / ".acme.db.bak.abc_1234.partial", tmp_path / ".acme.db.partial", file]
    for one in (*left, *others):
        one.touch()
    with place.partial(file) as living:
        assert not any(one.exists() for one in left)
        assert living.stat().st_mode & 0o777 == 0o600
        with place.partial(file) as mine:
            assert living.exists() and mine != living
        assert living.exists() and not mine.exists()
        living.replace(file)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_what_lies_beside_a_database_has_the_name_of_the_file_and_not_of_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "x.db", tmp_path / "links" / "link.db"
    link.parent.mkdir()
    link.symlink_to(file)
    database.open_database(str(link), create=True)
    with database.session(), database.transaction():
        database.execute("INSERT INTO opt_out VALUES (1, 1, 'x')")
        assert place.beside(link) == [link, tmp_path / "x.db-wal", tmp_path / "x.db-shm"]
        (tmp_path / "x.db-wal").chmod(0o644)
        assert place.open_to_others(link) == [tmp_path / "x.db-wal"]
    database.close_database()
    assert [one.name for one in link.parent.iterdir()] == ["link.db"]
    assert (tmp_path / "x.db.migrate.lock").exists()
