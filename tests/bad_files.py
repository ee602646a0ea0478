"""Contact files that cannot be used, each with the code and a part of the sentence that it has to get."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import openpyxl

GOOD = "+4915123252822"


class Bad(NamedTuple):
    """One bad file: how it is made at a path, its name, and what is said of it."""

    make: Callable[[Path], object]
    name: str
    code: str
    says: str


def workbook(path: Path, **sheets: Sequence[Sequence[object]]) -> Path:
    """A workbook with these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def parts(path: Path, changes: dict[str, Callable[[bytes], bytes]]) -> Path:
    """The workbook with some of its parts changed."""
    with zipfile.ZipFile(path) as old:
        content = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in content.items():
            new.writestr(name, changes.get(name, bytes)(data))
    return path


def put(content: bytes | str) -> Callable[[Path], object]:
    """Makes a file of this content."""
    return lambda path: path.write_bytes(content.encode() if isinstance(content, str) else content)


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("contacts.csv", f"Phone\n{GOOD}\n")


def _document(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")


def _good_book(path: Path) -> bytes:
    return workbook(path, Leads=[["Name", "Phone"], ["Asha", GOOD]]).read_bytes()


def _cut(path: Path) -> None:
    path.write_bytes(_good_book(path)[:-300])


def _flipped(path: Path) -> None:
    content = bytearray(_good_book(path))
    inside = content.index(b"sheet1.xml") + 60
    content[inside : inside + 30] = bytes(30)
    path.write_bytes(content)


def scattered(path: Path) -> None:
    """Two cells, as far from each other as a sheet is large: loaded, it would take half a terabyte."""
    _good_book(path)
    parts(path, {"xl/worksheets/sheet1.xml": lambda xml: xml.replace(b'r="B2"', b'r="XFD1048576"')})


def _bomb(path: Path) -> None:
    _good_book(path)
    parts(path, {"xl/styles.xml": lambda xml: xml + b" " * (1 << 27)})


def _two_lists(path: Path) -> None:
    workbook(path, North=[["Phone"], [GOOD]], South=[["Mobile"], [GOOD]], Notes=[["a"]])


def _long_cell(path: Path) -> None:
    workbook(path, Leads=[["Phone"], [GOOD]])
    parts(path, {"xl/worksheets/sheet1.xml": lambda xml: xml.replace(GOOD.encode(), b"9" * 40_000)})


ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)
MEGABYTE = "x" * (1 << 20)

BAD = (
    Bad(put(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "photo.csv", "not_text", "a picture (PNG)"),
    Bad(put(b"\xff\xd8\xff\xe0\0\x10JFIF"), "photo.jpg", "not_text", "a picture (JPEG)"),
    Bad(put(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"), "list.pdf", "not_text", "a PDF document"),
    Bad(_zip, "list.zip", "not_text", "a ZIP archive"),
    Bad(put(b"\x1f\x8b\x08\0rest"), "list.csv.gz", "not_text", "packed (gzip)"),
    Bad(put(b"N\xe4me,Phone\n" + bytes(range(1, 32)) * 9), "noise.csv", "not_text", "neither a text file nor"),
    Bad(put(b"Name,Phone\nAsha\0," + GOOD.encode() + b"\n"), "nul.csv", "nul_bytes", "zero bytes"),
    Bad(put(b""), "empty.csv", "empty_file", "empty.csv is empty"),
    Bad(put("\n \n\n"), "blank.csv", "empty_file", "is empty"),
    Bad(put(f"{GOOD},Asha\n{GOOD},Noor\n"), "headless.csv", "no_header", "first line holds a phone number"),
    Bad(put(f"Phone,Mobile\n{GOOD},{GOOD}\n"), "two.csv", "number_column_unclear", "Phone, Mobile"),
    Bad(put("Name,City\nAsha,Pune\n"), "none.csv", "number_column_unclear", "Name, City"),
    Bad(put(f"Name,Phone\n{MEGABYTE},{GOOD}\n"), "cell.csv", "cell_too_long", "Line 2"),
    Bad(put(f'Name,Phone\nAsha,{GOOD}\n"{MEGABYTE}",{GOOD}\n'), "quoted.csv", "cell_too_long", "Line 3"),
    Bad(put("x," * 1_000_000 + "Phone\n"), "wide.csv", "too_many_columns", "1,000,001 columns"),
    Bad(_long_cell, "cell.xlsx", "cell_too_long", "Row 2"),
    Bad(_two_lists, "two.xlsx", "sheet_unclear", "North, South. Its sheets are: North, South, Notes."),
    Bad(
        lambda path: workbook(path, A=[["x"]], B=[["y"]]), "lost.xlsx", "number_column_unclear", "Its sheets are: A, B."
    ),
    Bad(lambda path: workbook(path, Leads=[]), "void.xlsx", "empty_file", "no sheet with anything"),
    Bad(_cut, "cut.xlsx", "unreadable_workbook", "damaged"),
    Bad(_flipped, "flipped.xlsx", "unreadable_workbook", "damaged"),
    Bad(_bomb, "bomb.xlsx", "unreadable_workbook", "would unpack to"),
    Bad(scattered, "scattered.xlsx", "sheet_scattered", "scattered over"),
    Bad(put(ENCRYPTED), "secret.xlsx", "workbook_protected", "protected by a password"),
    Bad(put(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(999)), "old.xls", "unreadable_workbook", "old Office document"),
    Bad(_document, "letter.docx", "unreadable_workbook", "a text document (Word)"),
    Bad(os.mkfifo, "pipe.csv", "not_a_file", "is a pipe"),
    Bad(Path.mkdir, "folder.csv", "not_a_file", "is a folder"),
    Bad(lambda path: path.symlink_to("/dev/zero"), "zero.csv", "not_a_file", "is a device"),
    Bad(lambda path: path.symlink_to(path), "loop.csv", "unreadable_file", "Too many levels"),
    Bad(lambda path: None, "missing.csv", "unreadable_file", "No such file"),
)
"""Every kind that there is, but the ones that take more than a file: rights, and what happens while it is read."""


@contextmanager
def without_rights(path: Path) -> Iterator[None]:
    """Nobody may read the file, whoever runs the tests: the superuser becomes somebody else for the time."""
    path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65_534)
        yield
    finally:
        if user == 0:
            os.seteuid(user)
        path.chmod(0o600)
