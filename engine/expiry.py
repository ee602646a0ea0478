"""Drafts that nobody edits: warned about, deleted by themselves, restorable for a while, then gone (R10).

And the rows that an import, a copy or a purge leaves behind when it is killed: people's numbers that belong to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.clock import DAY
from store import audiences, audit, database, deleted, testsends

if TYPE_CHECKING:
    from engine.clock import Clock
    from store.types import Actor

EXPIRES_MS: Final = 30 * DAY
WARNED_MS: Final = 23 * DAY
RESTORABLE_MS: Final = 7 * DAY
LEFT_OVER_MS: Final = DAY
"""An audience that belongs to nothing for so long is not being imported any more."""
AT_ONCE: Final = 20
"""Drafts dealt with in one go; the rest comes with the next."""


def left(edited_at: int, now: int) -> int | None:
    """Milliseconds until a Draft is deleted by itself, from day 23 on; `None` before that there is nothing to say."""
    age = now - edited_at
    return None if age < WARNED_MS else max(0, EXPIRES_MS - age)


def gone_at(deleted_at: int) -> int:
    """Until when a deleted Draft can be restored, UTC epoch ms."""
    return deleted_at + RESTORABLE_MS


def wanting(now: int) -> bool:
    """Whether anything has expired or is to be purged."""
    return bool(deleted.expired(now - EXPIRES_MS, 1) or deleted.purgeable(now - RESTORABLE_MS, 1))


def tend(clock: Clock, actor: Actor) -> int:
    """Delete what has expired and purge what cannot be restored any more; answers how many drafts.

    A large audience takes seconds to purge, in short transactions.
    """
    now = clock.now()
    return _expire(now, actor) + _purge(now, actor)


def _expire(now: int, actor: Actor) -> int:
    done = 0
    for draft in deleted.expired(now - EXPIRES_MS, AT_ONCE):
        with database.transaction():
            # Somebody may have edited it since it was found.
            if deleted.expire(draft.id, now - EXPIRES_MS, now):
                audit.write(
                    now,
                    actor,
                    "campaign.expire",
                    draft.id,
                    before={"name": draft.name, "edited_at": draft.edited_at},
                    detail="a draft that was not edited for 30 days",
                )
                take_back_tests(draft.id, now, actor)
                done += 1
    return done


def take_back_tests(campaign_id: int, now: int, actor: Actor) -> None:
    """Take back what waits of the test sends of a draft that is being deleted. For a transaction."""
    waiting = testsends.not_begun(campaign_id)
    if waiting:
        taken = testsends.withdraw(waiting, testsends.DRAFT_DELETED, now)
        after = {"test": waiting, "taken": taken}
        audit.write(now, actor, "campaign.test_withdraw", campaign_id, after=after, detail=testsends.DRAFT_DELETED)


def _purge(now: int, actor: Actor) -> int:
    done = 0
    for draft in deleted.purgeable(now - RESTORABLE_MS, AT_ONCE):
        with database.transaction():
            audience_id = deleted.purge(draft.id, now - RESTORABLE_MS)
            if audience_id is None:
                continue
            audit.write(now, actor, "campaign.purge", draft.id, before={"name": draft.name})
            done += 1
        deleted.drop(audience_id)
    return done


def left_over(now: int) -> list[int]:
    """Audiences that were left behind, a few of them."""
    return audiences.left_over(now - LEFT_OVER_MS, AT_ONCE)


def clear(clock: Clock) -> int:
    """Remove audiences that were left behind, in short transactions; answers how many."""
    found = left_over(clock.now())
    for audience_id in found:
        audiences.drop_audience(audience_id)
    return len(found)
