"""Uploaded files: which id the gateway gave to which file, and when."""

from __future__ import annotations

from typing import Any

from store.models import Media as MediaModel
from store.types import Media


def add(media: Media) -> None:
    """Remember an upload; `media.id` does not count."""
    MediaModel.insert(**{name: value for name, value in media._asdict().items() if name != "id"}).execute()


def find(media_id: str) -> Media | None:
    """The upload with this id of the gateway's."""
    row = MediaModel.get_or_none(MediaModel.media_id == media_id)
    return None if row is None else _media(row)


def newest(limit: int | None = None) -> list[Media]:
    """The uploads, the newest first."""
    return [_media(row) for row in MediaModel.select().order_by(MediaModel.id.desc()).limit(limit)]


def _media(row: Any) -> Media:
    return Media(*(getattr(row, name) for name in Media._fields))
