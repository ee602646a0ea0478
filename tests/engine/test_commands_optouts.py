"""The opt-out list as operators keep it (R38)."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import audience
from engine.clock import DAY
from engine.commands import launch, optouts
from engine.errors import BadInput, Refused
from store import audit, campaigns, tallies
from store import optouts as kept
from store.types import OptOut
from tests import builders
from tests.clock import START, FakeClock

ZONE = "Asia/Kolkata"


def listed() -> list[OptOut]:
    return sorted(kept.page())


def test_R38_a_number_is_opted_out_once_with_its_first_date(acme: Path, clock: FakeClock) -> None:
    ctx = builders.context(clock)
    assert optouts.add(ctx, ["+49 151 70000001", "+4915170000001", "+4915170000002"]) == 2
    clock.advance(DAY)
    assert optouts.add(ctx, ["+4915170000001"]) == 0
    assert listed() == [OptOut(4915170000001, START, "operator"), OptOut(4915170000002, START, "operator")]
    assert audit.events()[-1].after == {"numbers": ["4915170000001"], "added": 0}


def test_R38_an_opted_out_number_is_skipped_whatever_file_it_comes_from(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    ctx = builders.context(clock)
    optouts.add(ctx, [builders.number(1)])
    campaign_id = builders.draft(clock, tmp_path, rows=3)
    assert tallies.of(campaign_id, tallies.SKIP) == {"opted_out": 1}
    optouts.remove(ctx, [builders.number(1)])
    launch.check(campaign_id, clock.now())
    assert campaigns.get(campaign_id).progress.skipped == 0


def test_R38_what_is_no_number_opts_nobody_out(acme: Path, clock: FakeClock) -> None:
    with pytest.raises(BadInput, match="'0151' is no phone number") as refused:
        optouts.add(builders.context(clock), ["+4915170000001", "0151"])
    assert refused.value.code == "bad_number"
    assert listed() == []


def test_R38_removing_tells_when_none_was_on_the_list(acme: Path, clock: FakeClock) -> None:
    ctx = builders.context(clock)
    optouts.add(ctx, ["+4915170000001"])
    assert optouts.remove(ctx, ["+4915170000001", "+4915170000002"]) == 1
    with pytest.raises(Refused) as refused:
        optouts.remove(ctx, ["+4915170000001"])
    assert refused.value.code == "not_opted_out"
    assert audit.events()[-1].action == "optout.remove.refused"


def test_R38_an_import_skips_bad_rows_and_names_its_file_as_origin(
    acme: Path, clock: FakeClock, tmp_path: Path
) -> None:
    ctx = builders.context(clock)
    optouts.add(ctx, [builders.number(0)])
    rows = [("A", builders.number(0), ""), ("B", builders.number(1), ""), ("C", builders.number(1), ""), ("D", "x", "")]
    done = optouts.import_file(ctx, builders.contacts_file(tmp_path, rows, "stop.csv"))
    assert done == optouts.Imported(4, 1, 2, {"invalid_number": 1})
    assert [entry.origin for entry in listed()] == ["operator", "import stop.csv"]


def test_R38_R35_a_file_that_breaks_off_far_down_opts_nobody_out(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    file = tmp_path / "stop.csv"
    numbers = "\n".join(builders.number(i) for i in range(5_000))
    file.write_text(f"number\n{numbers}\n{'x' * 1_000_000}\n", encoding="utf-8")
    with pytest.raises(BadInput) as error:
        optouts.import_file(builders.context(clock), file)
    assert error.value.code == "cell_too_long"
    assert listed() == []


def test_R38_an_export_read_again_keeps_dates_and_origins(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    ctx = builders.context(clock)
    optouts.add(ctx, ["+4915170000001"], "stop reply")
    clock.advance(DAY)
    optouts.add(ctx, ["+4915170000002"], "=HYPERLINK(1)")
    before = listed()
    file = tmp_path / "list.csv"
    assert optouts.export(ctx, file, ZONE) == 2
    assert "+4915170000001,2026-11-23T14:30:00+05:30,stop reply" in file.read_text()
    assert "'=HYPERLINK" in file.read_text()
    optouts.remove(ctx, ["+4915170000001"])
    clock.advance(DAY)
    assert optouts.import_file(ctx, file).added == 1
    assert [entry.phone for entry in before] == [entry.phone for entry in listed()]
    assert listed()[0] == before[0]
    assert list(tmp_path.glob("*.partial")) == []


def test_R38_a_list_of_thousands_comes_in_whole(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    file = builders.contacts_file(tmp_path, 2_500)
    assert optouts.import_file(builders.context(clock), file).added == 2_500
    assert kept.count() == 2_500
    assert [entry.phone for entry in kept.page("70000007")] == [4915170000007]


def test_an_export_that_cannot_be_written_leaves_nothing(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        optouts.export(builders.context(clock), tmp_path / "gone" / "x.csv", ZONE)
    assert refused.value.code == "unwritable_file"


def test_R38_a_bare_list_of_numbers_is_taken_for_what_it_is(acme: Path, clock: FakeClock, tmp_path: Path) -> None:
    ctx = builders.context(clock)
    file = tmp_path / "stop.txt"
    file.write_text("+4915170000001\n+49 1517 0000002,\n\n+4915170000001\n015170000003\n", encoding="utf-8")
    done = optouts.import_file(ctx, file)
    assert (done.rows, done.added, done.known, done.skipped) == (4, 2, 1, {"missing_country_code": 1})
    assert done.words.endswith("Taken as a list of numbers without a header.")
    assert optouts.import_file(ctx, file, country="DE").added == 1


@pytest.mark.parametrize(
    "text",
    [
        "+4915170000001\nAsha\n",
        "+4915170000001\n+4915170000002,Bela\n",
        "+4915170000001,+4915170000002\n",
        "+4915170000001\n12\n",
    ],
)
def test_R33_with_anything_beside_numbers_a_header_is_asked_for(
    acme: Path, clock: FakeClock, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "stop.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        optouts.import_file(builders.context(clock), file)
    assert caught.value.code == "no_header"
    assert listed() == []


def test_R33_a_campaign_needs_the_header_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("+4915170000001\n+4915170000002\n", encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        audience.open_contacts(file)
    assert caught.value.code == "no_header"
