"""The one folder of a locked-down console."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import confinement, files, media
from engine.audience.reader import tables
from engine.confinement import check, place
from engine.errors import BadInput


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder `files`, beside a secret; this process is confined to it."""
    found = tmp_path / "files"
    (found / "lists").mkdir(parents=True)
    (found / "inside.csv").write_text("Phone\n+4915170000001\n")
    (tmp_path / "secret.csv").write_text("Phone\n+4915170000002\n")
    confinement.confine(found)
    yield found
    confinement.confine(None)


def outside(function: Callable[[], object]) -> None:
    with pytest.raises(BadInput) as refused:
        function()
    assert refused.value.code == "outside_folder"
    assert refused.value.hint


def test_unconfined_a_name_means_what_it_always_meant() -> None:
    assert confinement.folder() is None
    assert place("a.csv") == Path("a.csv")
    assert place("~/a.csv") == Path(os.environ["HOME"]) / "a.csv"
    assert place("~nobody-of-this-name/a.csv") == Path("~nobody-of-this-name/a.csv")
    check(Path("/etc/passwd"))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("inside.csv", "inside.csv"),
        ("./lists/../inside.csv", "inside.csv"),
        ("lists/new.csv", "lists/new.csv"),
        (".", ""),
        ("~", ""),
        ("~/inside.csv", "inside.csv"),
        ("~root/x.csv", "~root/x.csv"),
    ],
)
def test_confined_a_name_is_taken_from_the_folder(typed: str, meant: str, folder: Path) -> None:
    assert place(typed) == folder / meant
    assert place(f"{folder}/{typed}" if typed[0] != "~" else typed) == folder / meant


@pytest.mark.parametrize(
    "typed", ["/etc/passwd", "..", "../secret.csv", "~/../secret.csv", "lists/../../secret.csv", "../files2/x", "a\0b"]
)
def test_confined_what_leads_out_is_refused(typed: str, folder: Path) -> None:
    outside(lambda: place(typed))


def test_a_symbolic_link_out_is_refused_and_one_inside_is_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "out.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "up").symlink_to(tmp_path)
    (folder / "not-yet.csv").symlink_to(tmp_path / "made-later.csv")
    (folder / "round").symlink_to(folder / "round")
    (folder / "in.csv").symlink_to(folder / "inside.csv")
    for typed in ("out.csv", "up/secret.csv", "not-yet.csv"):
        outside(lambda typed=typed: place(typed))  # type: ignore[misc]
    assert place("in.csv") == folder / "inside.csv"
    # One that leads to itself leads nowhere.
    assert place("round").is_relative_to(folder)


def test_a_folder_that_is_itself_a_link_is_the_folder_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    confinement.confine(tmp_path / "link")
    try:
        assert place("a.csv") == tmp_path / "real" / "a.csv"
        assert place(str(tmp_path / "link" / "a.csv")) == tmp_path / "real" / "a.csv"
    finally:
        confinement.confine(None)


def test_whatever_opens_a_named_file_asks_again(folder: Path, tmp_path: Path) -> None:
    """Also for a screen that took the name as it was typed."""
    secret = tmp_path / "secret.csv"
    outside(lambda: tables(secret))
    outside(lambda: files.regular(secret))
    outside(lambda: media.checked(tmp_path / "picture.jpg"))
    outside(lambda: files.whole(tmp_path / "new.csv").__enter__())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["files", "secret.csv"]
    assert len(tables(folder / "inside.csv")) == 1
    with files.whole(folder / "new.csv") as partial:
        partial.write_text("x")
    assert (folder / "new.csv").read_text() == "x"
