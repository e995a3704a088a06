"""What goes wrong on a page without anybody seeing it."""

from playwright.async_api import Page


def complaints_of(page: Page, *addresses: str) -> list[str]:
    """A list that gets every error of the page, and every request to anywhere else than `addresses`."""
    complaints: list[str] = []
    allowed = tuple(f"{address}/" for address in addresses)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(allowed) else complaints.append(request.url))
    return complaints
