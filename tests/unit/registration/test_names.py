"""What may stand in a name, by which beginnings a person is found, and which phones are Thai."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.names import UnusableName, clean_name, matches, prefixes, searched
from services.registration.domain.phones import thai_mobile
from services.registration.name_index import tokens_of_name, tokens_of_search
from shared.security.blind_index import BlindIndex
from shared.security.identifiers import InvalidIdentifier

INDEX = BlindIndex(bytes(32))


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("สมหญิง ใจดี", "สมหญิง ใจดี"),
        ("  สม\u200bหญิง\u00a0\u3000ใจดี\u200d", "สมหญิง ใจดี"),
        ("\ufeffSomchai\u202e", "Somchai"),
        ("e\u0301", "\u00e9"),
        ("", ""),
        ("\u200b", ""),
        ("ด.ช. ก", "ด.ช. ก"),
    ],
)
def test_a_name_loses_what_cannot_be_seen(written: str, clean: str) -> None:
    assert clean_name(written) == clean


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("ก\u0000ข", "control_characters"),
        ("ก\nข", "control_characters"),
        ("ก\ue000ข", "control_characters"),
        ("\ud800", "control_characters"),
        ("12 34", "no_letters"),
        ("...", "no_letters"),
        ("=ก", "formula"),
        ("\u200b=ก", "formula"),
        ("@ก", "formula"),
    ],
)
def test_what_is_no_name_is_refused(written: str, code: str) -> None:
    with pytest.raises(UnusableName) as refused:
        clean_name(written)
    assert refused.value.code == code


@given(st.text(max_size=30))
def test_cleaning_is_done_once_and_for_all(text: str) -> None:
    try:
        name = clean_name(text)
    except UnusableName:
        return
    assert clean_name(name) == name


def test_beginnings_are_those_of_every_word_with_and_without_title() -> None:
    assert prefixes("นายกมล ดี") == {"นา", "นาย", "นายก", "นายกม", "นายกมล", "กม", "กมล", "ดี"}
    assert prefixes("นาย") == {"นา", "นาย"}
    assert prefixes("ก") == frozenset()


name_words = st.lists(st.text(alphabet="กขมสจดญนา์ี่ิ", min_size=1, max_size=9), min_size=1, max_size=4)


@given(name_words, st.data())
def test_whoever_matches_is_found(words: list[str], data: st.DataObject) -> None:
    name = " ".join(words)
    sought = " ".join(word[: data.draw(st.integers(1, len(word)))] for word in data.draw(st.permutations(words))[:2])
    if not searched(sought):
        assert tokens_of_search(INDEX, sought) == []
        return
    assert matches(name, searched(sought))
    assert set(tokens_of_search(INDEX, sought)) <= set(tokens_of_name(INDEX, name))


def test_tokens_tell_nothing_without_the_key() -> None:
    assert set(tokens_of_name(INDEX, "สมหญิง")).isdisjoint(tokens_of_name(BlindIndex(b"1" * 32), "สมหญิง"))


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("+1 202 555 0100", "mobile_foreign"),
        ("0044 7700 900123", "mobile_foreign"),
        (" +๘๕๖ 20 5555 5555", "mobile_foreign"),
        ("+66 2 123 4567", "mobile_malformed"),
        ("021234567", "mobile_malformed"),
        ("1669", "mobile_malformed"),
        ("", "mobile_malformed"),
        ("+" * 1000, "mobile_malformed"),
    ],
)
def test_foreign_phones_are_told_from_mistyped_ones(typed: str, code: str) -> None:
    with pytest.raises(InvalidIdentifier) as refused:
        thai_mobile(typed)
    assert refused.value.code == code


def test_a_thai_phone_has_one_spelling() -> None:
    assert {thai_mobile(typed) for typed in ("0812345678", "+66 81 234 5678", "๐๘๑-๒๓๔-๕๖๗๘")} == {"0812345678"}
