"""A campaign's recipients as a CSV file (R48)."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from engine.export.rows import COLUMNS, Progress, cells, rows, silent
from engine.files import whole
from store import campaigns

if TYPE_CHECKING:
    from pathlib import Path


def write_csv(campaign_id: int, file: Path, zone: str, progress: Progress = silent) -> int:
    """Write one line for every audience row, in UTF-8, and answer how many they are.

    `progress` is called with the rows written so far. Raises `store.errors.Missing`, and `BadInput` with
    `unwritable_file`.
    """
    campaign = campaigns.get(campaign_id)
    count = 0
    with whole(file) as partial, partial.open("w", encoding="utf-8", errors="replace", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(COLUMNS)
        for row in rows(campaign, progress):
            # Without an audience there are no rows.
            assert campaign.audience is not None
            out.writerow(cells(row, campaign.audience, zone))
            count += 1
    return count
