"""Files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """The place to write to, `file` with `.partial` behind its name, which takes the file's name at the end.

    Raises `BadInput` with `unwritable_file`, and leaves what was there before.
    """
    partial = file.with_name(f"{file.name}.partial")
    try:
        yield partial
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise BadInput(
            "unwritable_file", f"{file} cannot be written: {error.strerror or error}.", "Choose another place for it."
        ) from error
    except BaseException:
        # Also on ctrl+c: half a list looks like a list.
        partial.unlink(missing_ok=True)
        raise
