"""Figures of benchmarks: printed as they come, kept for the JSON file."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Figure:
    """One measured rate. raw: the machine's own limits from the same run, in the same unit."""

    bench: str
    case: str
    rate: float
    unit: str
    raw: dict[str, float] = field(default_factory=dict)
    cpu_microseconds: dict[str, float] = field(default_factory=dict)
    milliseconds: dict[str, float] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def show(self) -> None:
        """Prints it in a few lines."""
        print(f"{self.bench}: {self.case}: {_number(self.rate)} {self.unit}", flush=True)
        for name, limit in self.raw.items():
            print(f"    {self.rate / limit:.2f} of {name} ({_number(limit)})", flush=True)
        if self.milliseconds:
            print("    " + ", ".join(f"{name} {value:.1f} ms" for name, value in self.milliseconds.items()), flush=True)
        if self.cpu_microseconds:
            shown = {name: value for name, value in self.cpu_microseconds.items() if value >= 0.05}
            print(
                "    CPU us a record: " + ", ".join(f"{name} {value:.1f}" for name, value in shown.items()), flush=True
            )
        for name, value in self.notes.items():
            print(f"    {name}: {value}", flush=True)

    def document(self) -> dict[str, Any]:
        """The figure as JSON."""
        return asdict(self)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
