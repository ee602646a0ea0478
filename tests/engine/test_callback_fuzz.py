"""A short run of the fuzzing of the callback endpoint; a long one: `python -m tests.fuzz callbacks --minutes 10`."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

from tests.fuzz.callbacks import Endpoint, bodies, endpoint
from tests.store.invariants import check_invariants


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("fuzz")) as one:
        yield one


@hypothesis.settings(max_examples=150, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(raw=bodies())
def test_whatever_is_signed_is_taken_and_breaks_nothing(target: Endpoint, raw: bytes) -> None:
    target.take(raw)


def test_all_of_it_left_counters_and_credits_right(target: Endpoint) -> None:
    check_invariants()
    assert set(target.answers) <= {200}
