"""Column names and the one that holds the numbers (R33)."""

from __future__ import annotations

import pytest

from engine.audience.columns import headers, number_column, position
from engine.errors import BadInput


def refused(columns: tuple[str, ...], chosen: str | None = None) -> BadInput:
    with pytest.raises(BadInput) as caught:
        number_column(columns, chosen)
    return caught.value


@pytest.mark.parametrize(
    "name",
    ["phone", "Phone Number", "phone_number", "MOBILE", "Mobile No.", "msisdn", "WhatsApp", "whatsapp number", "Tel.",
     "telephone", "cell", "Contact Number", "number", "Handynummer", "Celular", " Phone\u00a0Number "],
)  # fmt: skip
def test_R33_number_columns_are_recognised_under_their_usual_names(name: str) -> None:
    assert number_column(headers(["Name", name, "City"]), None) == 1


@pytest.mark.parametrize("name", ["Phone model", "Numbers", "Mobile ID", "Order number", "Telegram", "Cellar"])
def test_R33_only_the_whole_name_counts(name: str) -> None:
    assert refused(("Name", name)).code == "number_column_unclear"


def test_R33_several_number_columns_are_not_guessed_between() -> None:
    error = refused(("Name", "Phone", "Mobile"))
    assert error.code == "number_column_unclear"
    assert "Phone, Mobile" in error.message
    assert '--number-column "Phone"' in error.hint


def test_R33_without_one_the_columns_are_named() -> None:
    error = refused(("Name", "Kontakt", "City"))
    assert error.code == "number_column_unclear"
    assert "Name, Kontakt, City" in error.message
    assert "--number-column" in error.hint


@pytest.mark.parametrize("chosen", ["Kontakt 1", "kontakt_1", "KONTAKT1"])
def test_R33_the_operator_picks_the_column(chosen: str) -> None:
    assert number_column(("Phone", "Kontakt 1"), chosen) == 1


def test_R33_a_column_that_does_not_exist_is_refused_by_name() -> None:
    error = refused(("Name", "Phone"), "Mobil\x1b")
    assert error.code == "no_such_column"
    assert "Mobil␛" in error.message
    assert "Name, Phone" in error.hint


@pytest.mark.parametrize("first", ["+4915123252822", "49 151 2325-2822"])
def test_R33_a_file_without_a_header_is_refused(first: str) -> None:
    assert refused(("Asha", first)).code == "no_header"


def test_blank_and_repeated_headers_get_names_of_their_own() -> None:
    assert headers(["Name", "", "name", "Phone\nnumber ", "Name"]) == (
        "Name",
        "Column 2",
        "name (2)",
        "Phone number",
        "Name (3)",
    )


def test_R33_two_columns_of_one_name_can_still_be_told_apart() -> None:
    columns = headers(["Phone", "Phone"])
    assert refused(columns).code == "number_column_unclear"
    assert number_column(columns, "Phone (2)") == 1
    assert number_column(columns, "Phone") == 0


def test_a_name_spelt_exactly_wins_over_one_that_folds_alike() -> None:
    assert position(("order_id", "Order ID"), "Order ID") == 1
    assert position(("order_id", "Order ID"), "ORDER-ID") is None
    assert position(("order_id",), "") is None


def test_more_columns_than_a_contact_list_has_are_refused() -> None:
    assert len(headers([f"c{n}" for n in range(500)])) == 500
    with pytest.raises(BadInput) as caught:
        headers([""] * 501)
    assert caught.value.code == "too_many_columns"
