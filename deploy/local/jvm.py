"""How the Java machine is started: the broker's recipe. A change here trains the start-up cache anew."""

from __future__ import annotations

from pathlib import Path

QUIET = ("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow")
"""Java 25 warns about what Kafka's libraries do; it is known and changes nothing."""

MEMORY = (
    "-Xms64m",
    "-Xmx256m",  # with the small cleaner buffer of the broker's settings, one local broker needs below 100 MB
    "-XX:+UseSerialGC",  # one small heap: the parallel collectors' threads and tables cost more than they save
    "-XX:TieredStopAtLevel=1",  # halves the start-up; the simple compiler carried 200,000 records a second
)


def options(logging: Path, *, cache: Path | None = None, train: Path | None = None) -> list[str]:
    """The options of a broker: with `cache` it starts from it, with `train` it writes it when it ends."""
    chosen = [*QUIET, *MEMORY, f"-Dlog4j2.configurationFile={logging}", "-Djava.awt.headless=true"]
    if train:
        chosen += [f"-XX:AOTCacheOutput={train}"]
    elif cache and cache.exists():
        # Without a fitting cache the machine starts as it would without any; its remarks about that are turned off.
        chosen += [f"-XX:AOTCache={cache}", "-Xlog:aot=off,aot+codecache+stubs=off"]
    return chosen
