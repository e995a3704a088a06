"""Which month a reader asks for, and what is wrong with it."""

from datetime import date

from services.reporting.interchange.months import FutureMonth, Month, NotAMonth, month_of
from shared.web.problems import FieldError, Message, Problem


def asked_month(text: str, today: date, *, path: str, between: str = "-") -> Month:
    """The month that a parameter names; raises a problem."""
    try:
        return month_of(text, today, between=between)
    except NotAMonth:
        example = f"2022{between}02"
        message = Message(f"ต้องเป็นเดือน เช่น {example}", f"This has to be a month such as {example}")
        raise Problem(400, "invalid", errors=[FieldError(path, "not_a_month", message)]) from None
    except FutureMonth:
        message = Message("เดือนนี้ยังมาไม่ถึง", "This month has not come yet")
        raise Problem(400, "invalid", errors=[FieldError(path, "in_the_future", message)]) from None
