"""More of the machine's examples, from another seed, for the night."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machine.running import cover


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_R9_R11_R14_R29_R41_R43_hold_after_every_step_whatever_happens_2(tmp_path: Path) -> None:
    assert cover(tmp_path, examples=80, seed=2) == []
