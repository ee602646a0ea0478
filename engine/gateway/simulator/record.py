"""What the simulator accepted: the one account of the truth that no client can change."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from engine.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class AcceptedMessage:
    """One message that was taken."""

    reference: str
    to: str
    """Digits only."""
    message_id: str
    at: int
    """UTC epoch milliseconds."""

    def line(self) -> str:
        """The message as one line of JSON."""
        return json.dumps({"reference": self.reference, "to": self.to, "message_id": self.message_id, "at": self.at})


class Entry(NamedTuple):
    """What the callbacks of one accepted message need."""

    at: int
    sender: str
    to: str
    attempt: int
    reference: str
    category: str = "m"
    """A letter of `envelopes.CATEGORIES`."""
    wa_id: str = ""
    """What WhatsApp calls the number, where that differs; never empty once it was kept."""


class Record:
    """Accepted messages in order, in memory and, after `open`, one line each in a file.

    A line is with the operating system before `add` returns, so a killed client or simulator loses none. Message ids
    are unique over restarts and therefore no function of the seed.
    """

    def __init__(self) -> None:
        # One string a message, about 120 bytes, for a run may have a million.
        self._entries: list[str] = []
        self._run = os.urandom(9)
        self._log: int | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def open(self, log: Path) -> None:
        """Append every further message to the file `log`. Raises `BadInput` where that is not possible."""
        try:
            self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise BadInput(
                "log_unwritable",
                f"The log file {str(log)!r} cannot be written: {error.strerror}.",
                "Name a file in a folder that exists and is yours.",
            ) from error

    def add(self, entry: Entry) -> int:
        """Keep one accepted message and return its index."""
        index = len(self._entries)
        if self._log is not None:
            message = AcceptedMessage(entry.reference, entry.to, self.message_id(index), entry.at)
            os.write(self._log, (message.line() + "\n").encode())
        self._entries.append(
            f"{entry.at}\t{entry.sender}\t{entry.to}\t{entry.attempt}\t{entry.category}\t"
            f"{entry.wa_id}\t{entry.reference}"
        )
        return index

    def entry(self, index: int) -> Entry:
        """The message of that index."""
        at, sender, to, attempt, category, wa_id, reference = self._entries[index].split("\t", 6)
        return Entry(int(at), sender, to, int(attempt), reference, category, wa_id or to)

    def message_id(self, index: int) -> str:
        """The id it was answered with."""
        return "wamid." + b64encode(self._run + index.to_bytes(6, "big")).decode("ascii")

    def messages(self) -> Iterator[AcceptedMessage]:
        """Every message, oldest first."""
        for index in range(len(self._entries)):
            entry = self.entry(index)
            yield AcceptedMessage(entry.reference, entry.to, self.message_id(index), entry.at)

    def close(self) -> None:
        """Close the file."""
        if self._log is not None:
            os.close(self._log)
            self._log = None
