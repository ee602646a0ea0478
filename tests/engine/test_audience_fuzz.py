"""A short run of the fuzzing of the audience reader: whatever the bytes are, they are read to their end or refused.

A long one: `python -m tests.fuzz audience --minutes 10`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.audience import SEEDS, Case, Desk, almost_csv, cases, desk, made_up_sheet, mutated, mutated_book, read
from tests.store.invariants import check_invariants

QUIET = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@QUIET
@given(st.binary(max_size=2_000))
def test_R33_any_bytes_are_read_or_refused(content: bytes) -> None:
    read(content, "any.csv")


@QUIET
@given(almost_csv(), st.sampled_from([{}, {"country": "DE"}, {"number_column": "Phone"}]))
def test_R35_any_text_is_read_row_by_row_or_refused(content: bytes, options: dict[str, Any]) -> None:
    read(content, "almost.csv", **options)


@QUIET
@given(mutated(SEEDS))
def test_R35_a_damaged_list_is_read_row_by_row_or_refused(content: bytes) -> None:
    read(content, "damaged.csv")


@QUIET
@given(mutated_book(), st.sampled_from([{}, {"sheet": "Leads"}]))
def test_R33_a_damaged_workbook_is_read_or_refused(content: bytes, options: dict[str, Any]) -> None:
    read(content, "damaged.xlsx", **options)


@QUIET
@given(made_up_sheet())
def test_R33_a_sheet_with_odd_cells_in_odd_places_is_read_or_refused(content: bytes) -> None:
    read(content, "odd.xlsx", measured=False)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("fuzz")) as one:
        yield one


@settings(suppress_health_check=list(HealthCheck))
@given(cases())
def test_R33_whatever_the_file_it_becomes_the_audience_or_changes_nothing(target: Desk, case: Case) -> None:
    target.take(case)


def test_all_of_it_left_the_draft_and_its_counters_right(target: Desk) -> None:
    check_invariants()
    assert target.imported and target.refused
