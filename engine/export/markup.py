"""Small pieces of the page's HTML, with everything from outside escaped. Pure."""

from __future__ import annotations

from html import escape

from engine import schedule
from engine.text import shown


def text(typed: str) -> str:
    """Anything that was typed, imported or received, shown literally."""
    return escape(shown(typed))


def percent(part: int, whole: int) -> str:
    """A percentage with one decimal; none and all only where it is exactly that (R47)."""
    if whole <= 0:
        return "-"
    if part in (0, whole):
        return f"{100 * part // whole}%"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f}%"


def time(at: int | None, zone: str) -> str:
    """A moment in ISO 8601 with the zone's offset, shown to the second; empty where there is none."""
    if at is None:
        return ""
    iso = escape(schedule.iso(at, zone))
    return f'<time datetime="{iso}">{escape(schedule.iso(at // 1_000 * 1_000, zone))}</time>'


def section(id: str, title: str, small: str, body: str) -> str:
    """One box of the page with its title; `small` stands beside that. Both are safe already."""
    beside = f"<small>{small}</small>" if small else ""
    return f'<section id="{id}"><h2>{title}{beside}</h2>{body}</section>\n'
