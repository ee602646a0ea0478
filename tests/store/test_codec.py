"""What goes into JSON columns comes out again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from store import codec
from store.types import Fill, Template
from tests.store.scene import COMPONENTS

texts = st.none() | st.text(max_size=8)
fills = st.dictionaries(st.text(max_size=8), st.builds(Fill, texts, texts, texts), max_size=4)


@given(fills)
def test_fills_come_back(wanted: dict[str, Fill]) -> None:
    assert codec.load_fills(codec.dump_fills(wanted)) == wanted


def test_what_a_fill_does_not_set_is_not_written() -> None:
    assert codec.dump_fills({"body.1": Fill(column="name"), "body.2": Fill(fixed="")}) == (
        '{"body.1":{"column":"name"},"body.2":{"fixed":""}}'
    )


def test_a_template_comes_back() -> None:
    template = Template(1, "a", "en", "APPROVED", "MARKETING", "POSITIONAL", COMPONENTS, "GREEN", 2)
    assert codec.load_template(codec.dump_template(template)) == template
    assert codec.load_template(None) is None


def test_characters_stay_as_they_are_and_nothing_is_nothing() -> None:
    assert codec.dump(["नमस्ते", "\x1b"]) == '["नमस्ते","\\u001b"]'
    assert codec.load(codec.dump({"a": [1, None]})) == {"a": [1, None]}
    assert codec.load(None) is None
    assert codec.load("") is None
