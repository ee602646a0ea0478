"""What must hold at every instant, for tests: the product's own checks, and one that only a test can make."""

from __future__ import annotations

from engine import invariants
from store import audit, database, recipients
from store.types import RecipientState


def check_invariants(*campaign_ids: int, now: int | None = None) -> None:
    """Fail with every broken promise of the account and of these campaigns; all that there are when none is given.

    With `now` also what only the absence of a living worker would explain.
    """
    found = violations(*campaign_ids, now=now)
    assert not found, "\n".join(found)


def violations(*campaign_ids: int, now: int | None = None) -> list[str]:
    """The broken promises in words, read in one snapshot; this thread's connection must be open."""
    with database.snapshot():
        every = [row[0] for row in database.execute("SELECT id FROM campaign ORDER BY id").fetchall()]
        found = [
            str(finding)
            for finding in invariants.findings(campaign_ids, now=now)
            # The store's own tests change a status without a command, and so without its event.
            if finding.code != "audit_trail" or _by_commands(finding.ids[0])
        ]
        for campaign_id in campaign_ids or every:
            found += _count_states(campaign_id)
    return found


def _by_commands(campaign_id: int) -> bool:
    made = ("campaign.create", "campaign.duplicate", "series.firing")
    return bool(audit.events(campaign_id, actions=made))


def _count_states(campaign_id: int) -> list[str]:
    """What the store itself answers for a count of the states is a count of the rows."""
    rows = database.execute(
        "SELECT r.state, COUNT(*) FROM campaign c JOIN recipient r ON r.audience_id = c.audience_id "
        "WHERE c.id = ? GROUP BY r.state",
        (campaign_id,),
    ).fetchall()
    if not rows:
        return []
    by_store = {state: n for state, n in recipients.count_states(campaign_id).items() if n}
    counted = {RecipientState(state): n for state, n in rows}
    return [] if by_store == counted else [f"R41: count_states says {by_store}, a recount {counted}"]
