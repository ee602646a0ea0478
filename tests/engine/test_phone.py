"""Numbers as people type them (R34)."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.numbering import region_of
from engine.phone import Phone, country_code, display, parse, parse_many
from store.types import SkipReason

GERMAN = Phone(4915123252822, "DE")
INDIAN = Phone(918123645945, "IN")


@pytest.mark.parametrize(
    "raw",
    [
        "+4915123252822",
        "+49 151 2325 2822",
        "+49-151-23252822",
        "+49 (0)151 23252822",
        "(+49) 151/23252822",
        "+49.151.2325.2822",
        "+49\u2011151\u201323252822",
        " +4915123252822\n",
    ],
)
def test_R34_spellings_of_one_international_number(raw: str) -> None:
    assert parse(raw, None) == GERMAN


@pytest.mark.parametrize(
    "raw",
    [
        "＋４９１５１２３２５２８２２",
        "\u00a0+49\u00a0151\u202f23252822\u3000",
        "\u202a+49 151 23252822\u202c",
        "+٤٩١٥١٢٣٢٥٢٨٢٢",
        "\ufeff+4915123252822",
    ],
)
def test_R34_compatibility_forms_are_normalised(raw: str) -> None:
    assert parse(raw, None) == GERMAN


@pytest.mark.parametrize("raw", ["004915123252822", "00 49 151 23252822", "００４９１５１２３２５２８２２"])
def test_R34_leading_00_counts_as_plus(raw: str) -> None:
    assert parse(raw, None) == GERMAN
    assert parse(raw, "IN") == GERMAN


def test_R34_a_plus_with_00_is_no_number() -> None:
    assert parse("+004915123252822", None) is SkipReason.INVALID_NUMBER


@pytest.mark.parametrize("raw", ["8123645945", "08123645945", "81236 45945", "918123645945", "+918123645945"])
def test_R34_national_numbers_are_completed_with_the_country_chosen(raw: str) -> None:
    assert parse(raw, "IN") == INDIAN


def test_R34_a_number_of_another_country_keeps_it() -> None:
    assert parse("+4915123252822", "IN") == GERMAN


@pytest.mark.parametrize("raw", ["8123645945", "918123645945", "015123252822", "12345"])
def test_R34_without_a_country_a_number_lacking_plus_is_skipped(raw: str) -> None:
    assert parse(raw, None) is SkipReason.MISSING_COUNTRY_CODE


@pytest.mark.parametrize("raw", ["12", "123456789012345678"])
def test_R34_what_no_country_code_would_help_is_invalid(raw: str) -> None:
    assert parse(raw, None) is SkipReason.INVALID_NUMBER


def test_R34_of_two_valid_readings_the_mobile_number_is_meant() -> None:
    # With a German area code in front it is a landline in Leer; with a plus it is a mobile number.
    landline = phonenumbers.parse("4915123117849", "DE")
    assert phonenumbers.is_valid_number(landline)
    assert phonenumbers.number_type(landline) == phonenumbers.PhoneNumberType.FIXED_LINE
    assert parse("4915123117849", "DE") == Phone(4915123117849, "DE")


def test_R34_the_national_reading_wins_when_it_is_the_mobile_number() -> None:
    # Indian 65619 19074, or a landline of Singapore.
    assert parse("+6561919074", None) == Phone(6561919074, "SG")
    assert parse("6561919074", "IN") == Phone(916561919074, "IN")


def test_R34_two_mobile_readings_are_ambiguous() -> None:
    # Indian 65810 78307, or Singapore's +65 8107 8307.
    assert parse("+916581078307", None) == Phone(916581078307, "IN")
    assert parse("+6581078307", None) == Phone(6581078307, "SG")
    assert parse("6581078307", "IN") is SkipReason.AMBIGUOUS_NUMBER


def test_R34_digits_that_are_valid_only_with_a_plus_are_read_so() -> None:
    assert parse("447400271353", "DE") == Phone(447400271353, "GB")


@pytest.mark.parametrize(
    "raw", ["9.19E+11", "2,34803E+12", "5.51e+12", "4.47911E11", "９.19Ｅ+11", " 9.19E+11 ", "9E+11"]
)
def test_R34_numbers_mangled_by_a_spreadsheet_are_named_as_such(raw: str) -> None:
    assert parse(raw, None) is SkipReason.MANGLED_NUMBER
    assert parse(raw, "IN") is SkipReason.MANGLED_NUMBER


def test_R34_a_number_written_as_a_decimal_is_whole() -> None:
    assert parse("+4915123252822.0", None) == GERMAN
    assert parse("4915123252822.0", "DE") == GERMAN


@pytest.mark.parametrize("raw", ["", " ", "\u00a0\t\n", "\u200b\ufeff"])
def test_R35_nothing_but_space_is_blank(raw: str) -> None:
    assert parse(raw, "DE") is SkipReason.BLANK


@pytest.mark.parametrize(
    "raw",
    [
        "call me",
        "n/a",
        "#REF!",
        "++44",
        "+91 12",
        "+999 1234 5678",
        "+",
        "-",
        "()",
        "+49 151 23252822 ext. 5",
        "+1 800 FLOWERS",
        "a@b.de",
        "+49 30 1234567/8",
        "+4915123252822, +4915123252823",
        "+4915123252822 +4915123252823",
        "\x1b[31m+4915123252822",
        "²³",
    ],
)
def test_R35_the_rest_is_invalid(raw: str) -> None:
    assert parse(raw, None) is SkipReason.INVALID_NUMBER
    assert parse(raw, "DE") is SkipReason.INVALID_NUMBER


def test_R34_leading_zeros_that_belong_to_a_number_stay() -> None:
    assert parse("06 1234 5678", "IT") == Phone(390612345678, "IT")
    assert parse("+390612345678", None) == Phone(390612345678, "IT")


def test_R34_countries_that_share_a_calling_code_are_told_apart() -> None:
    assert parse("+12042345678", None) == Phone(12042345678, "CA")
    assert parse("+12015550123", None) == Phone(12015550123, "US")
    assert parse("+77012345678", None) == Phone(77012345678, "KZ")


def test_R34_many_are_answered_in_the_order_given() -> None:
    raws = ["+4915123252822", "", "+918123645945", "+4915123252822", "x", "8123645945", "+918123645945"]
    assert parse_many(raws, None) == [parse(raw, None) for raw in raws]
    assert parse_many(raws, None)[2] == INDIAN
    assert parse_many([], None) == []


@given(
    st.lists(st.text(st.sampled_from("+0123456789 -()./E٣９x"), max_size=18), max_size=12),
    st.sampled_from([None, "DE"]),
)
def test_R34_many_and_one_agree(raws: list[str], country: str | None) -> None:
    assert parse_many(raws, country) == [parse(raw, country) for raw in raws]


@given(st.text(max_size=40), st.sampled_from([None, "IN", "US"]))
def test_R35_any_text_gets_a_valid_number_or_one_reason(raw: str, country: str | None) -> None:
    result = parse(raw, country)
    if isinstance(result, Phone):
        assert phonenumbers.is_valid_number(phonenumbers.parse(f"+{result.number}", None))
    else:
        assert result in SkipReason


def _samples() -> list[str]:
    """Numbers of every region and kind, each also with digits changed, added and left out."""
    rng = random.Random(34)
    examples = [
        number
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in phonenumbers.PhoneNumberType.values()
        if (number := phonenumbers.example_number_for_type(region, kind)) is not None
    ]
    examples += [
        number
        for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS)
        if (number := phonenumbers.example_number_for_non_geo_entity(code)) is not None
    ]
    samples = []
    for example in examples:
        digits = f"{example.country_code}{phonenumbers.national_significant_number(example)}"
        samples.append(digits)
        for _ in range(4):
            at = rng.randrange(1, len(digits))
            samples.append(digits[:at] + rng.choice("0123456789") + digits[at + rng.randrange(2) :])
    return sorted(samples)


def test_R34_the_fast_answer_is_the_library_s_answer() -> None:
    answered = 0
    samples = _samples()
    for digits in samples:
        region = region_of(digits)
        if region is None:
            continue
        answered += 1
        parsed = phonenumbers.parse(f"+{digits}", None)
        assert f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}" == digits
        assert phonenumbers.region_code_for_number(parsed) == region, digits
        assert phonenumbers.is_valid_number(parsed), digits
    # It is only worth its lines while it answers for nearly every valid number.
    assert answered > len(samples) / 2


def test_R34_what_the_fast_answer_leaves_open_the_library_decides() -> None:
    # A national prefix between calling code and number.
    assert region_of("49015123252822") is None
    assert parse("+49015123252822", None) == GERMAN
    # Russia's freephone numbers begin with the digit that is also its national prefix.
    assert region_of("78002000500") is None
    assert parse("+78002000500", None) == Phone(78002000500, "RU")


@pytest.mark.parametrize("digits", ["", "0", "1", "49", "999123456", "00491512"])
def test_no_number_has_no_region(digits: str) -> None:
    assert region_of(digits) is None


@pytest.mark.parametrize(
    ("number", "expected"),
    [(919876543210, "+91 98765 43210"), (4915123252822, "+49 1512 3252822"), (9, "+9"), (999123, "+999123")],
)
def test_numbers_are_displayed_in_the_international_format(number: int, expected: str) -> None:
    assert display(number) == expected


def test_a_country_is_given_by_its_two_letters() -> None:
    assert country_code("de") == "DE"
    assert country_code(" IN ") == "IN"


@pytest.mark.parametrize(
    ("text", "hint"), [("UK", "GB"), ("49", "DE"), ("+91", "IN"), ("Germany", "DE for Germany"), ("", "IN")]
)
def test_an_unknown_country_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        country_code(text)
    assert caught.value.code == "unknown_country"
    assert hint in caught.value.hint
