"""What the gateway last said of whether its nodes can send; remembered for a minute, not a record of anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.codec import dump, load
from store.models import Health as HealthModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def put(answers: Mapping[str, Any], now: int) -> None:
    """Keep the answers by node, in place of the ones before."""
    for node, answer in answers.items():
        told = {"at": now, "answer": dump(answer)}
        HealthModel.insert(node=node, **told).on_conflict(conflict_target=[HealthModel.node], update=told).execute()


def since(nodes: Sequence[str], oldest: int) -> dict[str, Any]:
    """The answers about these nodes that are no older than that."""
    rows = HealthModel.select().where(HealthModel.node.in_(list(nodes)), HealthModel.at >= oldest)
    return {row.node: load(row.answer) for row in rows}
