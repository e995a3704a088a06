"""Why a document is not made."""


class TooManyRows(Exception):
    """More rows than anybody prints."""


class Full(Exception):
    """So many documents are waited for that another one would come too late."""
