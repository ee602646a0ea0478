"""What the first line and the worker's line say, made from one look at the store."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from engine.roles import Role
from tui.widgets.status_bar import TopStatus, WorkerStatus

if TYPE_CHECKING:
    from store.types import Lease
    from tui.feed import Overview
    from tui.services import Services
    from tui.supervisor import Supervisor


OWN: Final = "this console"


def top_status(seen: Overview, services: Services) -> TopStatus:
    """The account's credits, quota and clock."""
    role = services.context.role
    return TopStatus(
        account=seen.account.name,
        database=services.database,
        read_only=services.read_only,
        free=seen.balance.free,
        reserved=seen.balance.reserved,
        quota_used=None if seen.account.quota is None else seen.quota_used,
        quota=seen.account.quota,
        now=services.now,
        timezone=services.zone,
        role="" if role in (None, Role.OWNER) else role.value,
        program="sendoff demo" if services.demo else "sendoff",
    )


def worker_status(
    seen: Overview | None, supervisor: Supervisor | None, keeps_worker: bool, trouble: str, now: int
) -> WorkerStatus:
    """Who sends, how the gateway answers and what is next; `trouble` is why the store could not be read."""
    held = [one for one in seen.leases if one.until >= now] if seen else []
    told = [json.loads(one.status) for one in held if one.status]
    gateway, doing, told_by_worker = "", "idle", ""
    if told:
        answers = [one["gateway_ms"] for one in told]
        gateway = "does not answer" if None in answers else f"ok {max(answers)} ms"
        # Each worker tells of all its senders the same.
        running = {campaign_id for one in told for campaign_id in one["sending"]}
        doing = f"sending {len(running)}" if running else "idle"
    elif not held:
        doing = "starting" if supervisor is None else supervisor.state.value
        # A worker that cannot write cannot hold its lease either; why it does not send only its own words tell.
        told_by_worker = "" if supervisor is None else supervisor.trouble
    due = seen.next_due if seen else None
    return WorkerStatus(
        who="not known" if trouble else _who(held, supervisor, keeps_worker),
        doing=trouble or told_by_worker or doing,
        gateway=gateway,
        next_name=due[1] if due else "",
        next_at=due[2] if due else None,
        now=now,
        trouble=bool(trouble or told_by_worker) or gateway == "does not answer",
    )


def _who(held: Sequence[Lease], supervisor: Supervisor | None, keeps_worker: bool) -> str:
    """Every worker that sends, this console's own first; one line for each sender would be as many times the same."""
    if not held:
        return OWN if keeps_worker or supervisor is not None else ""
    names = list(dict.fromkeys(_name(one, supervisor) for one in held))
    return " and ".join(sorted(names, key=lambda name: name != OWN))


def _name(lease: Lease, supervisor: Supervisor | None) -> str:
    # Process ids are those of a machine, or of a container on it.
    if supervisor is not None and (lease.host, lease.pid) == (socket.gethostname(), supervisor.pid):
        return OWN
    return f"{lease.role} on {lease.host}, pid {lease.pid}"
