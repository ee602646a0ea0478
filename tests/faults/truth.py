"""What must be true after every fault: the invariants, and the comparison with the simulator's own log."""

from __future__ import annotations

from store import database
from tests.faults.processes import Field
from tests.sending import check_against


def assert_true(one: Field) -> None:
    """Fail unless what the simulator took is what the store says: nobody twice, nobody missed, credits as accepted.

    Sent here lies within what was accepted, and that within sent, unknown and held back. The run is over or on hold.
    """
    with database.session():
        check_against(one.accepted(), one.campaign_id)
