"""Text that follows something is painted where it has changed, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual.content import Content
from textual.geometry import Region

from tests.driver import Console
from tests.tui.harness import Harness
from tui.widgets.told import Told


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Region, ...] | str]]:
    """What was asked to be painted: regions, or everything."""
    found: list[tuple[Region, ...] | str] = []
    real = Told.refresh

    def noted(self: Told, *regions: Region, **how: object) -> Told:
        if not self._silent:
            found.append("laid out" if how.get("layout") else regions)
        return real(self, *regions, **how)

    monkeypatch.setattr(Told, "refresh", noted)
    yield found


def text(sent: int, more: str = "") -> Content:
    return Content.assemble("The name\n", ("sent  ", "bold"), f"{sent:>4} of 10", "  holds", more)


async def test_only_the_part_of_a_line_that_changed_is_painted(painted: list[object]) -> None:
    told = Told(text(1), markup=False)
    async with Console(Harness(told), (40, 6)) as screen:
        await screen.expect("   1 of 10")
        painted.clear()
        told.update(text(2))
        await screen.expect("   2 of 10  holds", "The name")
        assert len(painted) == 1
        (regions,) = painted
        assert isinstance(regions, tuple) and len(regions) == 1
        assert regions[0].y == 1 and regions[0].x == len("sent     ") and regions[0].width == 1


async def test_the_same_text_is_not_painted_again(painted: list[object]) -> None:
    told = Told(text(1), markup=False)
    async with Console(Harness(told), (40, 6)) as screen:
        await screen.expect("   1 of 10")
        painted.clear()
        told.update(text(1))
        assert painted == []


async def test_another_number_of_lines_is_laid_out_anew(painted: list[object]) -> None:
    told = Told(text(1), markup=False)
    async with Console(Harness(told), (40, 6)) as screen:
        await screen.expect("   1 of 10")
        painted.clear()
        told.update(text(1, "\nand more"))
        await screen.expect("and more")
        assert "laid out" in painted
        told.update(text(3))
        await screen.expect("   3 of 10")
        await screen.expect_not("and more")


async def test_two_texts_at_once_with_another_number_of_lines_in_between_leave_the_last(painted: list[object]) -> None:
    told = Told(text(1), markup=False)
    async with Console(Harness(told), (40, 6)) as screen:
        await screen.expect("   1 of 10")
        told.update(Content("one line"))
        told.update(text(2))
        await screen.expect("   2 of 10  holds", "The name")
        await screen.expect_not("one line")


async def test_wide_letters_and_shorter_lines_leave_nothing_behind() -> None:
    told = Told(Content("双十一大促 holds\nplain"), markup=False)
    async with Console(Harness(told), (40, 6)) as screen:
        await screen.expect("双十一大促 holds")
        told.update(Content("双十 holds\nplain"))
        await screen.expect("双十 holds")
        assert screen.line("双十").strip() == "双十 holds"
