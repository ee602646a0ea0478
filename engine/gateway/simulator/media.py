"""Uploaded media: what kinds and sizes are taken, and which ids are known for 30 days."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import BodyPartReader, hdrs, web

from engine.gateway.simulator.faults import Fault, missing

if TYPE_CHECKING:
    from engine.clock import Clock

MEGABYTE = 1024 * 1024
KEPT_S = 30 * 86_400
UPLOAD_FAILED = 131053
_OFFICE = "application/vnd.openxmlformats-officedocument"
LARGEST: dict[str, int] = {
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * MEGABYTE),
    "image/webp": MEGABYTE // 2,
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * MEGABYTE),
    **dict.fromkeys(("audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg"), 16 * MEGABYTE),
    **dict.fromkeys(
        (
            "text/plain",
            "application/pdf",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            f"{_OFFICE}.wordprocessingml.document",
            f"{_OFFICE}.spreadsheetml.sheet",
            f"{_OFFICE}.presentationml.presentation",
        ),
        100 * MEGABYTE,
    ),
}
"""MIME type to the most bytes of it."""


class Media:
    """The ids of what was uploaded; the bytes are counted and forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._uploaded: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._uploaded)

    def known(self, media_id: str) -> bool:
        """Whether something was uploaded under this id within the last 30 days."""
        at = self._uploaded.get(media_id)
        return at is not None and self._clock.steady() - at < KEPT_S

    async def upload(self, request: web.BaseRequest) -> bytes | Fault:
        """Take a multipart upload and answer with its id."""
        if not request.content_type.startswith("multipart/"):
            return Fault(100, "The upload must be multipart/form-data.")
        fields: dict[str, str] = {}
        kind, size = "", -1
        try:
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader):
                    return Fault(100, "The upload must not be nested.")
                if part.name == "file":
                    kind, size = part.headers.get(hdrs.CONTENT_TYPE, ""), await _count(part)
                elif part.name:
                    fields[part.name] = (await part.read_chunk(1024)).decode("utf-8", "replace")
        except ValueError:
            return Fault(100, "The multipart body is malformed.")
        return self._checked(fields, kind, size)

    def _checked(self, fields: dict[str, str], kind: str, size: int) -> bytes | Fault:
        if fields.get("messaging_product") != "whatsapp":
            return Fault(100, "The parameter messaging_product is required.")
        if size < 0:
            return missing("file")
        kind = (fields.get("type") or kind).partition(";")[0].strip()
        largest = LARGEST.get(kind)
        if largest is None:
            return Fault(100, f"Param file must be a file with one of the following types: {', '.join(LARGEST)}.")
        if not 0 < size <= largest:
            return Fault(UPLOAD_FAILED, f"A file of type {kind} has 1 to {largest} bytes, not {size}.")
        media_id = str(10**15 + len(self._uploaded))
        self._uploaded[media_id] = self._clock.steady()
        return json.dumps({"id": media_id}).encode("ascii")


async def _count(part: BodyPartReader) -> int:
    size = 0
    while chunk := await part.read_chunk(65_536):
        size += len(chunk)
    return size
