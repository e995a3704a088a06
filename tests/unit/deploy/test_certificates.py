"""Certificates are made once, renewed in time, and whoever trusts the authority of before goes on trusting."""

from __future__ import annotations

import datetime
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from deploy.local.certificates import AUTHORITY_LIFE, AUTHORITY_RENEWAL, LIFE, RENEWAL, Certificates

NOW = datetime.datetime(2022, 2, 7, tzinfo=datetime.UTC)
A_DAY = timedelta(days=1)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Made at `NOW`."""
    made = Certificates(tmp_path)
    made.prepare(NOW)
    return made


def contents(certificates: Certificates) -> tuple[bytes, ...]:
    """Of the three files."""
    return tuple(
        path.read_bytes() for path in (certificates.authority, certificates.authority_key, certificates.keystore)
    )


def test_they_are_made_once_and_for_their_owner_alone(certificates: Certificates, tmp_path: Path) -> None:
    before = contents(certificates)
    Certificates(tmp_path).prepare(NOW + LIFE - RENEWAL - A_DAY)
    assert contents(certificates) == before
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert b"PRIVATE" not in before[0]


def test_the_leaf_is_renewed_before_its_end_and_the_authority_stays(certificates: Certificates) -> None:
    authority, key, keystore = contents(certificates)
    certificates.prepare(NOW + LIFE - RENEWAL + A_DAY)
    assert contents(certificates)[:2] == (authority, key)
    assert contents(certificates)[2] != keystore


def test_a_renewed_authority_has_the_key_and_the_name_of_the_one_before(certificates: Certificates) -> None:
    former, key, _ = contents(certificates)
    later = NOW + AUTHORITY_LIFE - AUTHORITY_RENEWAL + A_DAY
    certificates.prepare(later)
    assert certificates.authority.read_bytes() != former
    assert certificates.authority_key.read_bytes() == key
    leaf = x509.load_pem_x509_certificate(certificates.keystore.read_bytes())
    for pem in (former, certificates.authority.read_bytes()):
        leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(pem))


@pytest.mark.parametrize("damaged", ["authority", "keystore"])
def test_a_damaged_file_is_made_anew(certificates: Certificates, damaged: str) -> None:
    path: Path = getattr(certificates, damaged)
    path.write_text("-----BEGIN CERTIFICATE-----\nnot one\n-----END CERTIFICATE-----\n")
    certificates.prepare(NOW)
    authority = x509.load_pem_x509_certificate(certificates.authority.read_bytes())
    x509.load_pem_x509_certificate(certificates.keystore.read_bytes()).verify_directly_issued_by(authority)


def test_another_authoritys_leaf_is_not_kept(certificates: Certificates, tmp_path: Path) -> None:
    for path in (certificates.authority, certificates.authority_key):
        path.unlink()
    certificates.prepare(NOW)
    authority = x509.load_pem_x509_certificate(certificates.authority.read_bytes())
    x509.load_pem_x509_certificate(certificates.keystore.read_bytes()).verify_directly_issued_by(authority)


def test_the_authority_can_sign_no_further_one_and_the_leaf_nothing(certificates: Certificates) -> None:
    ssl.create_default_context(cafile=str(certificates.authority))
    authority = x509.load_pem_x509_certificate(certificates.authority.read_bytes())
    leaf = x509.load_pem_x509_certificate(certificates.keystore.read_bytes())
    constraints = [each.extensions.get_extension_for_class(x509.BasicConstraints).value for each in (authority, leaf)]
    assert [(each.ca, each.path_length) for each in constraints] == [(True, 0), (False, None)]
