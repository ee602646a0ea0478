"""Posts callbacks as WhatsApp would, from a process of its own: reads an order, or a list of orders to be carried out
at once, as JSON from standard input.

The order: `url`, `secret`, `campaign`, `rows`, `statuses` (kinds, in order), `size` (statuses of one POST),
`in_flight`, `per_s` (statuses a second, 0 as many as go). Prints one JSON line with the latencies of each order.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, TypeAlias

import aiohttp

from engine.callbacks import SIGNATURE, sign

PRICING = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"}


def body(campaign: int, seqs: range, status: str) -> bytes:
    """One callback about these rows."""
    found = [
        {
            "id": f"wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI{campaign:03d}{seq:08d}",
            "status": status,
            "timestamp": str(int(time.time())),
            "recipient_id": f"49151{seq:08d}",
            "biz_opaque_callback_data": f"{campaign}.{seq}.1",
            "pricing": PRICING,
        }
        for seq in seqs
    ]
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1000001"}, "statuses": found}
    entry = {"id": "100000000000001", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


Bodies: TypeAlias = list[tuple[str, bytes]]
"""Each with its signature."""


def bodies_of(order: dict[str, Any]) -> Bodies:
    """What there is to post."""
    size = order["size"]
    return [
        (sign(order["secret"], raw), raw)
        for status in order["statuses"]
        for lo in range(1, order["rows"] + 1, size)
        for raw in [body(order["campaign"], range(lo, min(lo + size, order["rows"] + 1)), status)]
    ]


async def load(order: dict[str, Any], bodies: Bodies) -> dict[str, Any]:
    """Post everything, and answer what it took."""
    size, per_s = order["size"], order["per_s"]
    slots = asyncio.Semaphore(order["in_flight"])
    took: list[float] = []
    answers: dict[int, int] = {}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post(signature: str, raw: bytes) -> None:
            began = time.perf_counter()
            async with session.post(order["url"], data=raw, headers={SIGNATURE: signature}) as answer:
                await answer.read()
            took.append(1000 * (time.perf_counter() - began))
            answers[answer.status] = answers.get(answer.status, 0) + 1
            slots.release()

        began, began_at = time.perf_counter(), time.time_ns() // 1_000_000
        async with asyncio.TaskGroup() as group:
            for i, (signature, raw) in enumerate(bodies):
                if per_s:
                    await asyncio.sleep(max(0.0, began + i * size / per_s - time.perf_counter()))
                await slots.acquire()
                group.create_task(post(signature, raw))
        seconds = time.perf_counter() - began
    took.sort()
    return {
        "began_at": began_at,
        "seconds": round(seconds, 3),
        "posts": len(took),
        "updates_per_s": round(order["rows"] * len(order["statuses"]) / seconds),
        "posts_per_s": round(len(took) / seconds),
        "ms_p50": round(took[len(took) // 2], 1),
        "ms_p99": round(took[int(len(took) * 0.99)], 1),
        "answers": answers,
    }


async def main(wanted: Any) -> Any:
    """Carry out one order, or all of a list at once."""
    orders = wanted if isinstance(wanted, list) else [wanted]
    # All of them before the first request: making them takes time of its own.
    bodies = [bodies_of(order) for order in orders]
    found = await asyncio.gather(*(load(order, made) for order, made in zip(orders, bodies, strict=True)))
    return found if isinstance(wanted, list) else found[0]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.load(sys.stdin)))), flush=True)
