"""The first line and the worker's line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import START
from tests.driver import Console
from tests.tui.harness import Harness
from tui.widgets.status_bar import (
    TopBar,
    TopStatus,
    WorkerLine,
    WorkerStatus,
    clock,
    parts,
    top_line,
    until_calm,
    worker_line,
)

# 14:32 in Kolkata.
NOW = START + 2 * 60_000
STATUS = TopStatus(
    account="Acme Retail",
    database="sandbox.db",
    read_only=False,
    free=41_250,
    reserved=3_000,
    quota_used=7_412,
    quota=10_000,
    now=NOW,
    timezone="Asia/Kolkata",
)


def line(width: int, **changes: object) -> str:
    return top_line(parts(replace(STATUS, **changes)), width).plain  # type: ignore[arg-type] # names of fields


def test_R13_the_clock_carries_its_zone() -> None:
    assert clock(NOW, "Asia/Kolkata") == "14:32 IST"
    assert clock(NOW, "UTC") == "09:02 UTC"
    assert clock(NOW, "Europe/Berlin") == "10:02 CET"


def test_there_is_room_for_everything_at_120_columns() -> None:
    text = line(120)
    assert len(text) == 120
    assert text.startswith(" sendoff   Acme Retail   sandbox.db   ")
    assert text.endswith("   credits 41,250 free   3,000 reserved   quota 7,412 of 10,000   14:32 IST ")


def dropped(width: int) -> list[str]:
    text = line(width)
    return [part.text for part in parts(STATUS) if part.text not in text]


def test_narrow_terminals_drop_the_least_important_first() -> None:
    assert dropped(112) == []
    assert dropped(110) == ["3,000 reserved"]
    assert dropped(80) == ["3,000 reserved", "quota 7,412 of 10,000"]
    assert dropped(60) == ["Acme Retail", "3,000 reserved", "quota 7,412 of 10,000"]
    assert dropped(50) == ["Acme Retail", "sandbox.db", "3,000 reserved", "quota 7,412 of 10,000"]
    assert line(40).split("   ")[0] == " sendoff"
    assert "credits 41,250 free" in line(40)
    assert line(10).strip() == "sendoff"


def test_read_only_is_loud_and_never_dropped() -> None:
    for width in (20, 60, 120):
        assert "READ-ONLY" in line(width, read_only=True)
    (part,) = [one for one in parts(replace(STATUS, read_only=True)) if "READ-ONLY" in one.text]
    assert "reverse" in part.style


def test_R30_the_quota_stands_beside_its_limit() -> None:
    assert "quota 7,412 of unlimited" in line(120, quota=None)
    assert "quota" not in line(120, quota_used=None)
    (used_up,) = [one for one in parts(replace(STATUS, quota_used=10_000)) if "quota" in one.text]
    assert used_up.style
    assert "quota 10,000 of 10,000" in line(60, quota_used=10_000), "what stops the sending stays"


def test_nothing_reserved_is_not_worth_a_word() -> None:
    assert "reserved" not in line(120, reserved=0)


def test_names_are_shown_literally() -> None:
    assert "[b]Acme␛[0m" in line(120, account="[b]Acme\x1b[0m")


@given(st.integers(0, 200), st.booleans())
def test_the_line_fits_unless_only_what_always_stays_is_left(width: int, read_only: bool) -> None:
    assert len(line(width, read_only=read_only)) <= max(width, 30)


WORKER = WorkerStatus("this console", "idle", "ok 84 ms", "Flash sale", NOW + 173_000, NOW)


def worker(width: int = 120, **changes: object) -> str:
    return worker_line(replace(WORKER, **changes), width).plain  # type: ignore[arg-type] # names of fields


def test_who_sends_how_the_gateway_answers_and_what_is_next() -> None:
    assert worker() == " worker: this console, idle   gateway ok 84 ms   next: Flash sale in 02:53"


def test_when_nobody_sends_the_line_says_so_loudly() -> None:
    content = worker_line(replace(WORKER, who=""), 120)
    assert content.plain.startswith(" worker: NONE, nothing is being sent")
    assert content.spans


def test_what_is_not_known_is_left_out() -> None:
    assert worker(gateway="", next_at=None) == " worker: this console, idle"
    assert worker(next_name="") == " worker: this console, idle   gateway ok 84 ms   next: Untitled in 02:53"


def test_trouble_is_loud() -> None:
    assert not worker_line(WORKER, 120).spans
    assert worker_line(replace(WORKER, trouble=True), 120).spans


def test_the_name_of_what_is_next_gives_way_to_its_time() -> None:
    line = worker(80, who="console on vm, pid 20042", next_name="Name " * 9)
    assert line.endswith("… in 02:53") and len(line) == 80
    assert " next: Nam" in line


def test_a_long_name_is_cut_with_dots() -> None:
    assert worker(60, next_name="N" * 80).endswith("…")
    assert len(worker(60, next_name="N" * 80)) == 60


@pytest.mark.parametrize(("ms", "said"), [(4_000_000, "1 h 06 min"), (1_373_000, "22 min"), (299_000, "04:59")])
def test_on_a_slow_line_a_countdown_moves_once_a_minute(ms: int, said: str) -> None:
    assert until_calm(ms) == said


async def test_a_line_is_repainted_only_when_it_looks_different() -> None:
    top, below = TopBar(), WorkerLine()
    async with Console(Harness(top, below), (120, 3)) as screen:
        top.show(STATUS)
        below.show(WORKER)
        await screen.expect("Acme Retail", "next: Flash sale in 02:53")
        drawn = top._drawn
        top.show(replace(STATUS, now=NOW + 10_000))
        await screen.pilot.pause()
        assert top._drawn is drawn
        top.show(replace(STATUS, now=NOW + 60_000))
        await screen.expect("14:33 IST")


async def test_a_calm_line_counts_minutes() -> None:
    below = WorkerLine()
    below.calm = True
    async with Console(Harness(below), (120, 3)) as screen:
        assert screen.lines[0] == ""
        below.show(replace(WORKER, next_at=NOW + 1_373_000))
        await screen.expect("in 22 min")
