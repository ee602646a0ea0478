"""Contact files: reading them, finding the numbers, judging every row (R33 to R36)."""

from __future__ import annotations

from engine.audience.importer import AudienceCheck, Contacts, check, open_contacts, open_numbers, write_rejects
from engine.audience.reader import Format

__all__ = ["AudienceCheck", "Contacts", "Format", "check", "open_contacts", "open_numbers", "write_rejects"]
