"""The page about dispositions says what the code does."""

from __future__ import annotations

from tests.acceptance.dispositions_page import PAGE, TABLES, up_to_date

_REMEDY = "run: python -m tests.acceptance.dispositions_page"


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.splitlines() == up_to_date(page).splitlines(), _REMEDY


def test_no_table_is_left_out() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in TABLES if f"<!-- table: {name} -->" not in page] == []
