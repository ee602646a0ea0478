"""One line of logfmt an event: whatever text comes in, no line and no terminal breaks, and nobody's number is told."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.logs import LONGEST_LINE, LineHandler, Log, Logfmt
from tests.logfmt import events, fields

HOSTILE = 'a "quoted" \\ text\nlevel=error event=forged\r\x1b[2Jfrom \u202eoutside\u2028='


class Ear:
    """A logger of its own, and what it wrote."""

    def __init__(self) -> None:
        self.log = Log("sendoff.test")
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self.handler = LineHandler(self._write)
        logger = logging.getLogger("sendoff.test")
        logger.setLevel(logging.INFO)
        logger.addHandler(self.handler)

    def heard(self) -> str:
        return os.read(self._read, 1 << 20).decode()

    def close(self) -> None:
        logging.getLogger("sendoff.test").removeHandler(self.handler)
        os.close(self._read)
        os.close(self._write)


@pytest.fixture
def ear() -> Iterator[Ear]:
    one = Ear()
    yield one
    one.close()


def test_an_event_has_time_level_name_and_fields(ear: Ear) -> None:
    ear.log.info("run.started", "it started", campaign=3)
    line = ear.heard()
    found = fields(line.rstrip("\n"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("ts"))
    assert found == {"level": "info", "event": "run.started", "campaign": "3", "msg": "it started"}
    assert line.startswith("ts=") and line.endswith('campaign=3 msg="it started"\n')


def test_received_text_breaks_neither_the_line_nor_the_terminal(ear: Ear) -> None:
    ear.log.warning("run.held", HOSTILE, reason=HOSTILE)
    heard = ear.heard()
    assert heard.count("\n") == 1 and heard.endswith("\n")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", heard)
    (found,) = events(heard)
    assert (found["event"], found["level"]) == ("run.held", "warning")
    assert found["msg"] == found["reason"] == 'a "quoted" \\ text␊level=error event=forged␍␛[2Jfrom �outside�='


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_is_one_value_of_one_line(text: str) -> None:
    record = logging.makeLogRecord({"msg": text, "levelno": 20, "levelname": "INFO", "fields": {"more": text}})
    line = Logfmt().format(record)
    assert len(line.splitlines()) == 1
    assert set(fields(line)) == {"ts", "level", "event", "more", "msg"}


@pytest.mark.parametrize(
    "secret",
    [
        "+4915170000001", "4915170000001", "+49 1517 000-0001", "+91 98765 43210", "00491517000000",
        "EAAGm0PX4ZCpsBAKZCZBXyz", "Bearer abc.def-123", "access_token=abc%7Cdef",
    ],
)  # fmt: skip
def test_numbers_of_people_and_tokens_are_not_told(ear: Ear, secret: str) -> None:
    ear.log.warning("run.held", f"the gateway says: {secret} is not allowed", ValueError(f"of {secret}"))
    ear.log.error("run.broke", "a mistake", ValueError(f"of {secret}"))
    heard = ear.heard()
    held, broke = events(heard)
    assert secret not in heard and secret[-7:] not in heard
    assert "is not allowed" in held["msg"]
    assert broke["error"].startswith("ValueError: of [")


def test_a_fault_tells_in_one_line_where_it_came_from(ear: Ear) -> None:
    def deep() -> None:
        raise KeyError("what\nis missing")

    try:
        deep()
    except KeyError as fault:
        ear.log.error("run.broke", "the program made a mistake", fault, campaign=7)
    (found,) = events(ear.heard())
    assert found["error"] == "KeyError: 'what\\nis missing'"
    assert re.fullmatch(r"test_logs.py:\d+ deep < test_logs.py:\d+ test_a_fault_\w+", found["at"])


def test_ids_are_told_whole(ear: Ear) -> None:
    ear.log.info("run.started", "it", campaign=123_456_789_012)
    assert events(ear.heard())[0]["campaign"] == "123456789012"


def test_a_line_is_never_longer_than_a_pipe_takes_in_one_piece(ear: Ear) -> None:
    ear.log.info("one", "ä" * 10_000, **{f"f{i}": "é" * 10_000 for i in range(30)})
    heard = ear.heard()
    assert heard.count("\n") == 1 and LONGEST_LINE - 10 < len(heard.encode()) < 4_096


def test_a_reader_that_is_gone_or_does_not_read_holds_nobody_up(ear: Ear) -> None:
    for _ in range(5_000):
        ear.log.info("run.started", "x" * 400)
    assert len(ear.heard()) > 10_000
    os.close(ear._read)
    ear.log.info("run.started", "nobody hears this")
    ear._read = os.open(os.devnull, os.O_RDONLY)


def test_what_is_below_the_level_is_not_told(ear: Ear) -> None:
    ear.log.debug("callbacks.not_registered", "not yet")
    ear.log.info("run.started", "it")
    assert [one["event"] for one in events(ear.heard())] == ["run.started"]
