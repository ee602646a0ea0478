"""A campaign's report as files: every recipient as CSV or XLSX, and the whole report as one page of HTML (R48)."""

from engine.export.csv_file import write_csv
from engine.export.rows import COLUMNS, state_word, typed_number

__all__ = ["COLUMNS", "FORMATS", "state_word", "typed_number", "write", "write_csv"]

FORMATS = ("csv", "xlsx", "html")
"""What `write` can make, by the ending of the file's name."""
