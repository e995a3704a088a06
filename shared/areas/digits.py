"""Thai digits: accepted wherever people type, never stored."""

from typing import Final

_TO_ARABIC: Final = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")


def to_arabic_digits(text: str) -> str:
    """Return `text` with every Thai digit written as 0 to 9; everything else stays as it is."""
    return text.translate(_TO_ARABIC)
