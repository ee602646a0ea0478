"""The table of gateway error codes against the contract it was made from."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from engine.gateway import errors
from engine.gateway.base import Action
from engine.gateway.errors import Internal, advice_of, classify, row_of, text_of

CONTRACT = json.loads((Path(__file__).parents[1] / "data/contract/error-codes.json").read_text("utf-8"))["codes"]
NOT_IN_SEND_PATH = "N/A"


def codes_in(text: str) -> list[int]:
    """The codes a contract entry stands for; of a range its ends, of `139xxx` both ends and one between."""
    text = re.sub(r"\(also [^)]*\)", "", text)
    found = []
    for first, last, thousands in re.findall(r"(\d+)(?:-(\d+)|(xxx))?", text):
        if thousands:
            found += [int(first + "000"), int(first + "500"), int(first + "999")]
        elif last:
            found += [int(first), int(first[: len(first) - len(last)] + last)]
        else:
            found.append(int(first))
    return found


LISTED = [(code, entry) for entry in CONTRACT for code in codes_in(entry["code"])]


def test_the_contract_is_read_whole() -> None:
    found = {code for code, _ in LISTED}
    assert {0, 33, 200, 299, 17, 341, 613, 80008, 131053, 131014, 133016, 139500, 200005, 200007} <= found
    assert 100 in found
    assert len(found) > 85


@pytest.mark.parametrize(("code", "entry"), LISTED, ids=lambda value: str(value) if isinstance(value, int) else "")
def test_every_code_of_the_contract_has_a_row_with_the_same_action(code: int, entry: dict[str, str]) -> None:
    row = row_of(code)
    assert row is not None
    assert row.code == code
    if entry["action"] == NOT_IN_SEND_PATH:
        assert not row.answers_send
    else:
        assert row.answers_send
        assert row.action is Action(entry["action"].lower().replace("-", "_"))
        assert classify(code, None, 400).action is row.action


@pytest.mark.parametrize("code", [code for code, _ in LISTED] + [int(code) for code in Internal] + [803, 424242])
def test_every_code_has_words_and_advice(code: int) -> None:
    assert len(text_of(code)) > 10
    assert advice_of(code).endswith(".")
    assert "\n" not in text_of(code) + advice_of(code)


def test_the_words_are_our_own() -> None:
    meanings = {entry["meaning"].casefold() for entry in CONTRACT}
    assert not meanings & {text_of(code).casefold() for code, _ in LISTED}


def test_no_two_rows_claim_the_same_code() -> None:
    singles, ranges = errors._table()
    spans = sorted((first, last) for first, last, _ in ranges)
    assert all(first <= last for first, last in spans)
    assert all(before[1] < after[0] for before, after in pairwise(spans))
    assert not [code for code in singles for first, last in spans if first <= code <= last]


def test_internal_codes_are_negative_and_stand_for_different_things() -> None:
    assert all(code < 0 for code in Internal)
    assert len({text_of(code) for code in Internal}) == len(Internal)


def test_subcode_33_of_error_100_means_that_the_number_is_gone() -> None:
    assert classify(100, 33, 400).action is Action.PAUSE_NUMBER
    assert classify(100, 33, 400).code == 33
    assert classify(100, 2494010, 400).action is Action.PAUSE_CAMPAIGN


@pytest.mark.parametrize("code", [3, 131045, 134102])
def test_permanent_errors_with_a_5xx_are_not_retried(code: int) -> None:
    assert classify(code, None, 500, is_transient=True).action not in (Action.RETRY, Action.SLOW)


@pytest.mark.parametrize("http_status", [400, 403, 429])
def test_R44_throttling_is_recognised_under_every_http_status_seen(http_status: int) -> None:
    assert classify(130429, None, http_status).action is Action.SLOW
    assert classify(131056, None, http_status).action is Action.WAIT_PAIR


@pytest.mark.parametrize(
    ("http_status", "is_transient", "action", "tries"),
    [
        (400, True, Action.RETRY, 3),
        (500, False, Action.RETRY, 3),
        (503, False, Action.RETRY, 3),
        (429, False, Action.SLOW, None),
        (429, True, Action.RETRY, 3),
        (401, False, Action.AUTH, None),
        (403, False, Action.AUTH, None),
        (400, False, Action.FIX_ROW, None),
        (404, False, Action.FIX_ROW, None),
    ],
)
def test_a_code_that_is_not_in_the_table(
    http_status: int, is_transient: bool, action: Action, tries: int | None
) -> None:
    row = classify(987654, None, http_status, is_transient)
    assert (row.action, row.tries, row.code) == (action, tries, 987654)
    assert "987654" in row.text


def test_a_code_of_another_call_is_treated_as_unknown_but_keeps_its_words() -> None:
    row = classify(133016, None, 500)
    assert row.action is Action.RETRY
    assert row.text == text_of(133016)
    assert not row.answers_send


@pytest.mark.parametrize(
    ("http_status", "action", "code"),
    [
        (400, Action.FIX_ROW, Internal.HTTP_REFUSED),
        (404, Action.FIX_ROW, Internal.HTTP_REFUSED),
        (401, Action.AUTH, Internal.HTTP_DENIED),
        (403, Action.AUTH, Internal.HTTP_DENIED),
        (429, Action.SLOW, Internal.HTTP_THROTTLED),
        (408, Action.RETRY, Internal.HTTP_NOT_READ),
        (425, Action.RETRY, Internal.HTTP_NOT_READ),
        (308, Action.PAUSE_ACCOUNT, Internal.HTTP_REDIRECTED),
    ],
)
def test_the_http_status_decides_only_without_a_code(http_status: int, action: Action, code: Internal) -> None:
    row = classify(None, None, http_status)
    assert (row.action, row.code) == (action, code)


def test_waiting_times_and_limits_of_tries_are_data() -> None:
    assert classify(134101).retry_after == 600
    assert classify(131057).retry_after == 60
    assert classify(131000).tries == 3
    assert classify(131016).tries is None
