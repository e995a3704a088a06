"""What axe-core finds on a page: the rules of WCAG that a program can judge, and its own best practices."""

from functools import cache
from importlib.resources import files
from typing import Final

from playwright.async_api import Page

RUN: Final = """
async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3).join(" ")}`);
}
"""


@cache
def _axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text()


async def violations_of(page: Page) -> list[str]:
    """Every rule that the page breaks now, with the first elements that break it."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_axe())
    found: list[str] = await page.evaluate(RUN)
    return found
