"""The columns of a contact file, and which of them holds the numbers (R33)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.errors import BadInput
from engine.text import fold, shown

MOST_COLUMNS = 500
"""Far above any contact list; more means that the delimiter was misread or that the file is something else."""

# fmt: off
USUAL_NAMES = frozenset(
    (
        "phone", "phone#", "phone1", "phonenumber", "phonenumber1", "phoneno", "phonenr", "phonenum",
        "mobile", "mobile#", "mobile1", "mobileno", "mobilenr", "mobilenumber", "mobilephone", "mobilephonenumber",
        "whatsapp", "whatsapp#", "whatsappno", "whatsappnumber", "whatsappphone", "whatsappphonenumber",
        "tel", "tel#", "telno", "telephone", "telephoneno", "telephonenumber",
        "cell", "cell#", "cellno", "cellnumber", "cellphone", "cellphonenumber",
        "contactno", "contactnumber", "contactphone", "customerphone", "customermobile", "number", "msisdn", "e164",
        "handy", "handynr", "handynummer", "telefon", "telefonnr", "telefonnummer", "rufnummer",
        "mobil", "mobilnr", "mobilnummer", "mobiltelefon", "mobiltelefonnummer",
        "celular", "móvil", "movil", "teléfono", "telefono", "númerodeteléfono", "numerodetelefono",
        "telefone", "telemóvel", "cellulare", "portable", "téléphone", "numérodetéléphone", "nohp", "nomorhp",
    )
)
# fmt: on
"""Folded header names under which number columns are recognised; nothing but the whole name counts."""

_COPY_MARK = re.compile(r"\(\d+\)$")
_LOOKS_LIKE_NUMBER = re.compile(r"[\s+().\-/]*(?:\d[\s().\-/]*){7,}")


def headers(cells: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns, each different: blank ones become `Column N`, repeated ones get ` (2)` and so on.

    Raises:
        BadInput: `too_many_columns`.
    """
    if len(cells) > MOST_COLUMNS:
        raise BadInput(
            "too_many_columns",
            f"The file has {len(cells):,} columns; at most {MOST_COLUMNS} can be read.",
            "Check that this is a contact list with one contact per line, and remove the columns that are not needed.",
        )
    names: list[str] = []
    taken: set[str] = set()
    for position, cell in enumerate(cells, start=1):
        base = " ".join(cell.split()) or f"Column {position}"
        name, copy = base, 2
        while fold(name) in taken:
            name, copy = f"{base} ({copy})", copy + 1
        taken.add(fold(name))
        names.append(name)
    return tuple(names)


def position(columns: Sequence[str], name: str) -> int | None:
    """Where the column of that name is: spelt exactly, else the same after folding."""
    if name in columns:
        return columns.index(name)
    folded = [fold(column) for column in columns]
    wanted = fold(name)
    return folded.index(wanted) if wanted and folded.count(wanted) == 1 else None


def number_column(columns: Sequence[str], chosen: str | None) -> int:
    """The position of the column with the numbers: the one chosen, or the only one under a usual name.

    Raises:
        BadInput: `no_such_column`, `number_column_unclear`, or `no_header` when the first line holds a number itself.
    """
    if chosen is not None:
        found = position(columns, chosen)
        if found is None:
            raise BadInput(
                "no_such_column",
                f"The file has no column {shown(chosen)!r}.",
                f"Its columns are: {_listed(columns)}.",
            )
        return found
    recognised = [index for index, column in enumerate(columns) if is_usual(column)]
    if len(recognised) == 1:
        return recognised[0]
    if recognised:
        raise BadInput(
            "number_column_unclear",
            f"Several columns may hold the numbers: {_listed([columns[index] for index in recognised])}.",
            f'Choose one, as in --number-column "{shown(columns[recognised[0]])}".',
        )
    if any(_LOOKS_LIKE_NUMBER.fullmatch(column) for column in columns):
        raise BadInput(
            "no_header",
            "The first line holds a phone number where the column names should be.",
            "Put a line with the column names on top of the file, such as: Name,Phone.",
        )
    raise BadInput(
        "number_column_unclear",
        f"None of the columns is recognised as the one with the numbers: {_listed(columns)}.",
        f'Choose one, as in --number-column "{shown(columns[0])}".',
    )


def is_usual(column: str) -> bool:
    """Whether number columns are usually called so."""
    return _COPY_MARK.sub("", fold(column)) in USUAL_NAMES


def is_only_number(cells: Sequence[str]) -> bool:
    """Whether a row holds what looks like a phone number, and nothing beside it."""
    first, *others = cells
    return _LOOKS_LIKE_NUMBER.fullmatch(first) is not None and not any(cell.strip() for cell in others)


def _listed(columns: Sequence[str], most: int = 20) -> str:
    names = ", ".join(shown(column) for column in columns[:most])
    return f"{names} and {len(columns) - most} more" if len(columns) > most else names
