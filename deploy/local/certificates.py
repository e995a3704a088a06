"""The certificate by which subscribers know Kafka's listener for them, and the authority that signed it.

Both are this stack's own, made when they are missing and renewed when they come near their end. A renewed authority
keeps its name and key: who trusts the certificate of the one before accepts what is signed meanwhile, and the other way
round.
"""

from __future__ import annotations

import datetime
import ipaddress
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.local.secrets import write_private

AUTHORITY_LIFE: Final = timedelta(days=3_650)
"""Ten years: every subscriber has to be given a new one by hand."""
AUTHORITY_RENEWAL: Final = timedelta(days=730)
"""Two years for handing the new one round."""
LIFE: Final = timedelta(days=397)
"""No longer than the public's certificates live at most; it costs nobody anything to renew it."""
RENEWAL: Final = timedelta(days=90)
"""It is looked at when the broker starts, and several times a day while the stack runs."""
_BACKDATED: Final = timedelta(hours=1)
"""A subscriber's clock may be behind."""
_PREPARING: Final = threading.Lock()
NAMES: Final = ("localhost",)
ADDRESSES: Final = ("127.0.0.1",)
"""The listener binds to this machine alone."""


class Certificates:
    """The files of both, in the folder of secrets."""

    def __init__(self, folder: Path) -> None:
        self.authority = folder / "kafka-authority.pem"
        """The authority's certificate, which subscribers are given: no secret."""
        self.authority_key = folder / "kafka-authority-key.pem"
        self.keystore = folder / "kafka-external.pem"
        """The listener's key and certificate, as Kafka reads them."""

    def prepare(self, now: datetime.datetime | None = None) -> None:
        """Make what is missing, and renew what is due, with files of mode 0600. now: with its zone."""
        with _PREPARING:  # the brokers of a cluster start at the same time and have one folder
            self._prepare(now or datetime.datetime.now(datetime.UTC))

    def shown(self) -> x509.Certificate | None:
        """The listener's certificate, as it lies in the file."""
        return _read(self.keystore)

    def _prepare(self, now: datetime.datetime) -> None:
        key = self._authority_key()
        authority = _read(self.authority)
        if authority is None or authority.public_key() != key.public_key() or _due(authority, now, AUTHORITY_RENEWAL):
            authority = _authority(key, now)
            write_private(self.authority, _pem(authority))
        leaf = _read(self.keystore)
        if leaf is None or _due(leaf, now, RENEWAL) or not _signed_by(leaf, authority):
            own = ec.generate_private_key(ec.SECP256R1())
            write_private(self.keystore, _private(own) + _pem(_leaf(own.public_key(), key, authority, now)))

    def _authority_key(self) -> ec.EllipticCurvePrivateKey:
        if not self.authority_key.exists():
            write_private(self.authority_key, _private(ec.generate_private_key(ec.SECP256R1())))
        key = serialization.load_pem_private_key(self.authority_key.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{self.authority_key} holds another kind of key than it was made with")
        return key


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime.datetime) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Jitasa"),
            # Two stacks' authorities are told apart by the key.
            x509.NameAttribute(NameOID.COMMON_NAME, f"Jitasa Kafka {_identifier(key.public_key()).digest.hex()[:12]}"),
        ]
    )
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)  # signs certificates and lists
    return _signed(
        name,
        name,
        key.public_key(),
        key,
        (now, AUTHORITY_LIFE),
        [(x509.BasicConstraints(ca=True, path_length=0), True), (usage, True)],
    )


def _leaf(
    own: ec.EllipticCurvePublicKey,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    now: datetime.datetime,
) -> x509.Certificate:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in NAMES]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)  # signs the handshake
    return _signed(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Jitasa Kafka, external listener")]),
        authority.subject,
        own,
        key,
        (now, LIFE),
        [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (usage, True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.SubjectAlternativeName(names), False),
        ],
    )


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    key: ec.EllipticCurvePrivateKey,
    life: tuple[datetime.datetime, timedelta],
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    begins, lasts = life
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins - _BACKDATED)
        .not_valid_after(begins + lasts)
        .add_extension(_identifier(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256())


def _due(certificate: x509.Certificate, now: datetime.datetime, before: timedelta) -> bool:
    return certificate.not_valid_after_utc - now < before or certificate.not_valid_before_utc > now


def _signed_by(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    identifier = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    return leaf.issuer == authority.subject and identifier == _identifier(authority.public_key()).digest


def _identifier(public: object) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(public)  # type: ignore[arg-type]  # any kind of key has one


def _read(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
