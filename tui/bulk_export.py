"""The reports of several campaigns as files in one folder: their names, and what the prompt says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.confinement import place
from engine.errors import BadInput
from engine.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from store.types import CampaignRow

_SLUG: Final = 60
"""Characters of a campaign's name in the name of its export."""
_MOST: Final = 3


def file_name(name: str, campaign_id: int) -> str:
    """The name of a campaign's export: letters and digits of its name, and its id, so that no two are the same."""
    words = "".join(c if c.isalnum() else " " for c in name.lower()).split()
    slug = "-".join(words)[:_SLUG].strip("-") or "campaign"
    return f"{slug}-{campaign_id}.csv"


def files(rows: Sequence[CampaignRow], folder: Path) -> dict[int, Path]:
    """Where the export of each campaign goes."""
    return {row.id: folder / file_name(row.name, row.id) for row in rows}


def why_not(row: CampaignRow) -> str | None:
    """Why there is nothing to export of a campaign."""
    return None if row.progress.audience else "It has no audience to export."


def echo(typed: str, rows: Sequence[CampaignRow]) -> str:
    """What would be written into the folder, and what not.

    Raises `BadInput`: `no_such_folder`, `outside_folder`, `nothing_to_export`.
    """
    folder = place(typed)
    if not folder.is_dir():
        raise BadInput("no_such_folder", f"There is no folder {folder}.", "Choose one that is there.")
    wanted = [row for row in rows if why_not(row) is None]
    if not wanted:
        raise BadInput("nothing_to_export", "None of them has an audience to export.", "Mark others.")
    paths = files(wanted, folder).values()
    replaced = [path.name for path in paths if path.exists()]
    lines = [f"{len(wanted)} of {len(rows)} will be written to {shown(f'{folder.absolute()}')}"]
    if len(wanted) < len(rows):
        lines.append(f"✗ {len(rows) - len(wanted)} without an audience: there is nothing to export.")
    if replaced:
        more = f" and {len(replaced) - _MOST} more" if len(replaced) > _MOST else ""
        lines.append(f"REPLACES {', '.join(replaced[:_MOST])}{more}")
    return "\n".join(lines)
