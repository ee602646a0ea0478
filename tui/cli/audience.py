"""`sendoff audience check`: what an import of a contact file would find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import audience
from tui.output import Output

if TYPE_CHECKING:
    from argparse import Namespace


def check(options: Namespace) -> int:
    """Read a whole contact file and keep nothing; needs no database."""
    output = Output(options.json)
    found = audience.check(
        options.file,
        country=options.country,
        number_column=options.number_column,
        sheet=options.sheet,
        rejects=options.rejects,
    )
    form = found.format
    skipped = {reason.value: n for reason, n in found.skipped.items()}
    if output.as_json:
        output.document(
            {
                "rows": found.rows,
                "valid": found.valid,
                "skipped": skipped,
                "columns": list(found.columns),
                "number_column": found.number_column,
                "country": found.country,
                "format": {
                    "kind": form.kind,
                    "delimiter": form.delimiter,
                    "encoding": form.encoding,
                    "sheet": form.sheet,
                    "sheets": list(form.sheets),
                    "warnings": list(form.warnings),
                },
                "rejects": None if options.rejects is None else str(options.rejects),
            }
        )
        return 0
    output.say(f"{found.rows:,} rows: {found.valid:,} valid, {found.rows - found.valid:,} skipped")
    if skipped:
        rows = [
            (reason.replace("_", " "), f"{n:,}") for reason, n in sorted(skipped.items(), key=lambda item: -item[1])
        ]
        output.table(("SKIPPED", "ROWS"), rows, right=("ROWS",))
    output.say(f"Numbers are in column {found.number_column}; columns: {', '.join(found.columns)}")
    if form.sheet is not None and len(form.sheets) > 1:
        others = ", ".join(name for name in form.sheets if name != form.sheet)
        output.say(f"They were read from sheet {form.sheet}; the workbook also has: {others}")
    for warning in form.warnings:
        output.say(f"Mind: {warning}")
    if options.rejects is not None:
        output.say(f"The skipped rows are in {options.rejects}.")
    return 0
