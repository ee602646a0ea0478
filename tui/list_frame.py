"""What the first line and the worker's line say, made from one look at the store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from engine.roles import Role
from tui.widgets.status_bar import TopStatus, WorkerStatus

if TYPE_CHECKING:
    from store.types import Lease
    from tui.feed import Overview
    from tui.services import Services
    from tui.supervisor import Supervisor


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
    lease = next((one for one in seen.leases if one.until >= now), None) if seen else None
    gateway, doing, told_by_worker = "", "idle", ""
    if lease is not None and lease.status:
        told = json.loads(lease.status)
        gateway = "does not answer" if told["gateway_ms"] is None else f"ok {told['gateway_ms']} ms"
        doing = f"sending {len(told['sending'])}" if told["sending"] else "idle"
    elif lease is None:
        doing = "starting" if supervisor is None else supervisor.state.value
        # A worker that cannot write cannot hold its lease either; why it does not send only its own words tell.
        told_by_worker = "" if supervisor is None else supervisor.trouble
    due = seen.next_due if seen else None
    return WorkerStatus(
        who="not known" if trouble else _who(lease, supervisor, keeps_worker),
        doing=trouble or told_by_worker or doing,
        gateway=gateway,
        next_name=due[1] if due else "",
        next_at=due[2] if due else None,
        now=now,
        trouble=bool(trouble or told_by_worker) or gateway == "does not answer",
    )


def _who(lease: Lease | None, supervisor: Supervisor | None, keeps_worker: bool) -> str:
    if lease is None:
        return "this console" if keeps_worker or supervisor is not None else ""
    if supervisor is not None and lease.pid == supervisor.pid:
        return "this console"
    return f"{lease.role} on {lease.host}, pid {lease.pid}"
