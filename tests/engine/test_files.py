"""Files that an operator names: written whole or not at all, and never over what is no file of theirs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.files import whole
from store import database


def write(file: Path, text: str = "new") -> None:
    with whole(file) as place:
        place.write_text(text, encoding="utf-8")


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(BadInput) as refusal:
        write(pipe)
    assert refusal.value.code == "not_a_file"
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [one.name for one in tmp_path.iterdir()] == ["pipe"]


def test_a_device_is_not_replaced_by_a_file() -> None:
    with pytest.raises(BadInput) as refusal:
        write(Path("/dev/full"))
    assert refusal.value.code == "not_a_file"


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old", encoding="utf-8")
    link = tmp_path / "link.csv"
    link.symlink_to("real.csv")
    write(link)
    assert link.is_symlink() and (tmp_path / "real.csv").read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("name", ["engine.db", "engine.db-wal"])
def test_a_database_is_not_replaced_by_an_export(name: str, db: Path) -> None:
    database.execute("INSERT INTO opt_out (phone, since, origin) VALUES (4915170000001, 0, 'test')")
    file = db.with_name(name)
    before = file.read_bytes()
    with pytest.raises(BadInput) as refusal:
        write(file)
    assert refusal.value.code == "file_is_database"
    assert file.read_bytes() == before and before


def test_any_other_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    write(file, "first")
    write(file, "second")
    assert file.read_text(encoding="utf-8") == "second"
    with pytest.raises(ZeroDivisionError), whole(file) as place:
        place.write_text("half", encoding="utf-8")
        raise ZeroDivisionError
    assert file.read_text(encoding="utf-8") == "second"
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]
