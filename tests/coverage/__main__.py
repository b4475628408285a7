"""Writes the pages of what maps to what."""

from tests.coverage.page import PAGES, text

for page in PAGES:
    page.path.write_text(text(page), encoding="utf-8")
