"""docs/messages/*/coverage.md are what the golden cases prove."""

import pytest

from tests.coverage.page import COMMAND, PAGES, Page, text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.parent.name)
def test_the_page_of_what_maps_to_what_is_what_the_golden_cases_prove(page: Page) -> None:
    same = page.path.read_text("utf-8") == text(page)
    assert same, (
        f"{page.path.name} is not what the golden cases prove: write it anew with `{COMMAND}`, and read the diff"
    )
