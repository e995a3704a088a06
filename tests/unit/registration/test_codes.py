"""Codes typed by hand, and secrets."""

import pytest

from services.registration import codes


def test_a_group_code_is_read_however_it_is_typed() -> None:
    code = codes.new_group_code()
    assert len(code) == 9
    for typed in (code, code.lower(), code.replace("-", ""), f" {code[:4]}  {code[5:]} ", code.replace("-", "–")):
        assert codes.typed_group_code(typed) == code
    assert codes.typed_group_code("๓๔๖๗ ๙CDF") == "3467-9CDF"


@pytest.mark.parametrize("typed", ["", "3467-9CD", "3467-9CDFG", "O467-9CDF", "1467-9CDF", "ßßßß", "รหัส"])
def test_what_is_no_group_code_is_not_looked_up(typed: str) -> None:
    assert codes.typed_group_code(typed) is None


def test_no_two_letters_of_a_group_code_look_alike() -> None:
    letters = {letter for _ in range(500) for letter in codes.new_group_code()} - {"-"}
    for alike in ("0OQ", "1IL", "2Z", "5S", "8B", "UV"):
        assert len(letters & set(alike)) <= 1
    assert not letters & set("AEIOU")


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("123456", "123456"),
        ("๑๒๓๔๕๖", "123456"),
        (" 123 456 ", "123456"),
        ("12345", None),
        ("1234567", None),
        ("12345a", None),
        ("²23456", None),
        ("", None),
    ],
)
def test_a_one_time_code_has_six_digits(typed: str, read: str | None) -> None:
    assert codes.typed_one_time_code(typed) == read


def test_new_codes_and_secrets_differ() -> None:
    assert len({codes.new_group_code() for _ in range(200)}) == 200
    assert len({codes.new_secret() for _ in range(200)}) == 200
    assert all(codes.typed_one_time_code(codes.new_one_time_code()) for _ in range(200))
    secret = codes.new_secret()
    assert len(secret) >= 43
    assert codes.hash_secret(secret) == codes.hash_secret(secret) != codes.hash_secret(secret + "x")
