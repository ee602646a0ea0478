"""The back ends that store tests run on."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

BACK_ENDS = ["sqlite"]
"""What `fresh_url` can make an empty database of: another back end is one name here and one branch there."""


def fresh_url(back_end: str, folder: Path) -> str:
    """The address of a database that does not exist yet; a file lies in `folder`."""
    if back_end == "sqlite":
        return str(folder / f"{uuid4().hex}.db")
    raise ValueError(f"no such back end: {back_end}")
