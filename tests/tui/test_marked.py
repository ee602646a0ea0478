"""Whether an action is of any use for what is marked. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.lifecycle import Action
from store.types import CampaignRow, Status
from tests.clock import START
from tests.tui.context import row
from tui.marked import possible

DRAFT, COMPLETED = row(Status.DRAFT), row(Status.COMPLETED)
LATER, SOON = row(Status.SCHEDULED, 30), row(Status.SCHEDULED, 4)
RUNS, HELD = row(Status.IN_PROGRESS), row(Status.IN_PROGRESS, held=True)


@pytest.mark.parametrize(
    ("action", "rows", "useful"),
    [
        (Action.CANCEL, [DRAFT, COMPLETED, LATER], True),
        (Action.CANCEL, [DRAFT, SOON], False),
        (Action.CANCEL, [replace(LATER, locked=True)], False),
        (Action.RESUME, [RUNS, COMPLETED], False),
        (Action.RESUME, [RUNS, HELD], True),
        (Action.DELETE, [DRAFT], True),
        (Action.SEND_NOW, [LATER], False),
        # Not loaded, so that nobody knows.
        (Action.SEND_NOW, [LATER, None], True),
    ],
)
def test_R53_R54_an_action_is_of_use_where_one_of_the_marked_allows_it(
    action: Action, rows: list[CampaignRow | None], useful: bool
) -> None:
    assert possible(action, rows, START) is useful
