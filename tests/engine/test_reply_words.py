"""Which replies are a STOP or a START (R38)."""

from __future__ import annotations

import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.reply_words import LONGEST, Wish, configured, normal, shipped

TABLE = tomllib.loads(resources.files("engine").joinpath("reply_words.toml").read_text("utf-8"))
EVERY = [(Wish(kind), word) for words in TABLE.values() for kind in ("stop", "start") for word in words[kind]]


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop", "Stop.", "  STOP!!!  ", "«stop»", "ＳＴＯＰ", "st\u00f3p", "s\u0301top", "🛑 STOP ✋\ufe0f",
        "\u200bSTOP\ufeff",
        "\u202eSTOP", "STOP\n", "unsubscribe", "Opt-out", "OPT  OUT", "cancel", "बंद करें", "रोकें।", "BAJA", "Sair",
        "ARRÊT", "arret",
        "Désabonner", "Stopp!", "إيقاف", "ايقاف", "إِيقَاف", "Berhenti", "Annulla", "İPTAL", "IPTAL", "iptal", "ÇIKIŞ",
        "çıkış",
        "Стоп", "СТОП", "退订", "停止",
    ],
)  # fmt: skip
def test_R38_a_stop_in_any_dress(text: str) -> None:
    assert shipped().wish(text) is Wish.STOP


@pytest.mark.parametrize(
    "text", ["START", "start", "Start!", "ＳＴＡＲＴ", "unstop", "Alta", "شتراك", "ابدأ", "старт", "mulai"]
)
def test_R38_a_start_in_any_dress(text: str) -> None:
    assert shipped().wish(text) is (Wish.START if text != "شتراك" else None)


@pytest.mark.parametrize(
    "text",
    [
        "please don't stop", "don't stop", "stop it", "non-stop", "stopping", "where is the bus stop?", "STOP START",
        "s t o p",
        "I want to cancel my order", "start when?", "yes", "no", "ok", "1", "", " ", "!!!", "🛑", "\u200b",
        "stop " * 50,
        "S" * 1_000_000,
    ],
    ids=lambda text: repr(text[:20]),
)  # fmt: skip
def test_R38_what_is_more_or_less_than_the_word_is_neither(text: str) -> None:
    assert shipped().wish(text) is None


@pytest.mark.parametrize(("wish", "word"), EVERY, ids=lambda value: str(value))
def test_R38_every_shipped_word_counts_in_capitals_too(wish: Wish, word: str) -> None:
    assert len(word) <= LONGEST
    for text in (word, word.upper(), word.title(), f" {word}. "):
        assert shipped().wish(text) is wish


def test_R38_no_shipped_word_is_both() -> None:
    assert not shipped().stop & shipped().start


@pytest.mark.parametrize("language", ["en", "hi", "es", "pt", "fr", "de", "ar", "id", "it", "tr", "ru"])
def test_R38_the_common_languages_have_words(language: str) -> None:
    assert len(TABLE[language]["stop"]) >= 3
    assert len(TABLE[language]["start"]) >= 3


@given(st.text(max_size=60))
def test_the_normal_form_is_its_own_normal_form(text: str) -> None:
    assert normal(normal(text)) == normal(text)


def test_R38_a_configuration_adds_words_and_moves_shipped_ones() -> None:
    words = configured({"stop": ["Genug!"], "start": ["Cancel"]})
    assert words.wish("genug") is Wish.STOP
    assert words.wish("CANCEL") is Wish.START
    assert words.wish("unsubscribe") is Wish.STOP


def test_R38_without_the_shipped_words_stop_and_start_still_count() -> None:
    words = configured({"shipped": False, "stop": ["genug"]})
    assert [words.wish(text) for text in ("Stop", "Start", "Genug", "Cancel")] == [
        Wish.STOP, Wish.START, Wish.STOP, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "table",
    [
        {"stop": "halt"}, {"stop": [1]}, {"stop": [""]}, {"stop": ["!!"]}, {"start": ["x" * 101]}, {"shipped": "no"},
        {"halt": []}, {"stop": ["start"]}, {"start": ["STOP."]}, {"stop": ["genug"], "start": ["Genug!"]},
    ],
    ids=str,
)  # fmt: skip
def test_R38_a_configuration_that_cannot_be_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        configured(table)
    assert caught.value.code == "bad_config"
