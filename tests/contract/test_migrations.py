"""Expand, migrate, contract: processes of the former release work on while a migration is made and afterwards.

What was released never changes, since a database that has it will not run it again. What is new is judged by squawk,
which knows what locks a table or breaks who still uses it.
"""

import hashlib
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

from deploy.catalogue import SERVICES, Service

ROOT: Final = Path(__file__).resolve().parents[2]
RELEASED: Final = Path(__file__).with_name("released-migrations.sha256")
"""Of a release: git ls-files '*/migrations/*.sql' | xargs sha256sum > tests/contract/released-migrations.sha256"""
EXCLUDED: Final = {
    "prefer-bigint-over-int": "counts of a subdistrict, revisions, partitions fit; sequences and offsets are bigint",
    "prefer-bigint-over-smallint": "as above: ages, doses, hours",
    "require-lock-timeout": "set for every migration by who runs it (deploy/databases.py)",
    "require-statement-timeout": "a slow statement that locks nobody out may take its time",
}
"""Rules of squawk that do not hold here, each with its reason. Single statements are excused in their file, by
`-- squawk-ignore RULE` with a reason beside it."""
_FOLDERS: Final = ("services/*/migrations", "shared/postgres/migrations/*")


def released() -> dict[str, str]:
    """By path, the hash of each migration that a release had."""
    lines = [line.split(maxsplit=1) for line in RELEASED.read_text().splitlines()]
    return {path: digest for digest, path in lines}


def migrations() -> list[Path]:
    """All there are."""
    return sorted(path for folder in _FOLDERS for path in ROOT.glob(f"{folder}/*.sql"))


def findings(folder: Path, texts: dict[str, str]) -> str:
    """What squawk says of the way up of migrations; nothing: it is content."""
    files = []
    for name, text in texts.items():
        file = folder / name.replace("/", "-")
        file.write_text(text.partition("-- migrate:down")[0])
        files.append(str(file))
    script = next(one for one in metadata.files("squawk-cli") or () if one.name == "squawk").locate()
    done = subprocess.run(
        [
            *(str(Path(str(script)).resolve()), "--pg-version=18", "--assume-in-transaction", "--reporter=gcc"),
            *(f"--exclude={','.join(EXCLUDED)}", *files),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout if done.returncode else ""


def test_what_was_released_stays_as_it_was() -> None:
    now = {path: hashlib.sha256((ROOT / path).read_bytes()).hexdigest() for path in released()}
    assert now == released()


def test_what_is_new_breaks_nobody_who_still_works(tmp_path: Path) -> None:
    new = {str(path.relative_to(ROOT)): path.read_text() for path in migrations()}
    assert findings(tmp_path, {path: text for path, text in new.items() if path not in released()}) == ""


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("ALTER TABLE household DROP COLUMN area;", "ban-drop-column"),
        ("ALTER TABLE household RENAME COLUMN area TO subdistrict;", "renaming-column"),
        ("DROP TABLE household;", "ban-drop-table"),
        ("ALTER TABLE household ADD COLUMN floor integer NOT NULL;", "adding-required-field"),
        ("CREATE INDEX household_by_area ON household (area);", "require-concurrent-index-creation"),
    ],
)
def test_what_would_break_them_is_found(tmp_path: Path, statement: str, rule: str) -> None:
    assert rule in findings(tmp_path, {"bad.sql": f"-- migrate:up\n\n{statement}\n\n-- migrate:down\n"})


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_no_database_gets_two_migrations_of_one_version(service: Service) -> None:
    """It would take the second for made."""
    versions = [path.name.partition("_")[0] for folder in service.migrations for path in folder.glob("*.sql")]
    assert sorted(set(versions)) == sorted(versions)
