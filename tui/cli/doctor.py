"""`sendoff doctor`: what is broken, what somebody should know, and what is in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine import doctor as engine
from engine.doctor import Item, Level, Report
from engine.schedule import iso
from engine.text import counted
from store import account
from store.errors import StoreError
from tui import paths

if TYPE_CHECKING:
    from argparse import Namespace

    from tui.cli.session import Session

_SIGNS = {Level.OK: "ok", Level.WARNING: "look", Level.FAULT: "FAULT"}


def doctor(options: Namespace, session: Session) -> int:
    """Look at everything and change nothing; status 1 when something is broken."""
    looking = engine.Looking(session.context.clock, paths.network(session.config))
    report = engine.examine(looking)
    faults = report.at(Level.FAULT)
    if session.output.as_json:
        session.output.document(_document(report, session))
        return 1 if faults else 0
    session.output.say(f"Database {session.url}, schema {report.schema or 'none'}")
    for item in sorted(report.items, key=lambda one: list(Level).index(one.level)):
        session.output.say(f"{_SIGNS[item.level]:5}  {item.text}")
        if item.advice:
            session.output.say(f"{'':7}{item.advice}")
    warnings = report.at(Level.WARNING)
    session.output.say(_verdict(len(faults), len(warnings)))
    return 1 if faults else 0


def _verdict(faults: int, warnings: int) -> str:
    words = "No fault was found" if not faults else f"{counted(faults, 'fault')} found"
    return f"{words}, {counted(warnings, 'thing')} to look at." if warnings else f"{words}."


def _document(report: Report, session: Session) -> dict[str, Any]:
    zone = _zone()
    return {
        "ok": not report.at(Level.FAULT),
        "database": session.url,
        "schema": report.schema,
        "checked_at": iso(session.now, zone),
        "findings": [_item(item) for item in report.at(Level.FAULT)],
        "warnings": [_item(item) for item in report.at(Level.WARNING)],
        "passed": [{"code": item.code, "message": item.text} for item in report.at(Level.OK)],
        "last_callback_at": None if report.heard_at is None else iso(report.heard_at, zone),
        "leases": [
            {"name": one.name, "host": one.host, "pid": one.pid, "role": one.role, "until": iso(one.until, zone)}
            for one in report.leases
        ],
    }


def _item(item: Item) -> dict[str, Any]:
    found = item.finding
    return {
        "code": item.code,
        "message": item.text,
        "hint": item.advice,
        "rule": (found.rule or None) if found else None,
        "of": found.of if found else None,
        "ids": list(found.ids) if found else [],
    }


def _zone() -> str:
    """The account's zone where it can be read and is one; else UTC."""
    from engine import zones
    from engine.errors import BadInput

    try:
        name = account.get_account().timezone
        zones.named(name)
    except (StoreError, BadInput):
        return "UTC"
    return name
