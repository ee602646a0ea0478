"""JSON as the gateway answers it, fit to be stored."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def document_of(body: bytes) -> Any:
    """The document, `None` for none; half a surrogate pair, which no database takes, becomes U+FFFD.

    Such halves come from texts that were cut by UTF-16 units.
    """
    try:
        document = json.loads(body)
        if _SURROGATE.search(body):
            text = json.dumps(document, ensure_ascii=False)
            document = json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    except (ValueError, RecursionError):
        return None
    return document
