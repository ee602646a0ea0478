"""What must be true after every fault: the product's own invariants, and the comparison with the simulator's log."""

from __future__ import annotations

from engine import invariants
from engine.clock import SystemClock
from store import database
from tests.faults.processes import Field
from tests.sending import check_against


def assert_true(one: Field) -> None:
    """Fail unless what the simulator took is what the store says: nobody twice, nobody missed, credits as accepted.

    Sent here lies within what was accepted, and that within sent, unknown and held back; and the store holds every
    invariant of DESIGN section 4, by the checks that `sendoff doctor` makes. The run is over or on hold.
    """
    with database.session():
        found = invariants.findings((), now=SystemClock().now())
        assert not found, "\n".join(map(str, found))
        check_against(one.accepted(), one.campaign_id)
