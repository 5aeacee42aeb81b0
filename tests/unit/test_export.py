"""Exports: what is shown of people, what a spreadsheet is kept from, and that types survive."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.tables import FORMATS, writer_of
from adapters.tables.files import harmless
from gateway.app.exporting import EXPORTS, Export, Kind, token_of, veiled

SALT = b"salt of this installation"
AT = datetime(2026, 1, 31, 18, 0, tzinfo=timezone(timedelta(hours=2)))
COLUMNS = EXPORTS[Export.ATTEMPTS]
ROW: dict[str, Any] = {
    "id": "at1",
    "callback_id": "cb1",
    "contact_id": "ct1",
    "queue": "support",
    "n": 2,
    "reserved_at": AT,
    "disposition": "no_answer",
    "talk_seconds": 1.5,
    "cause": 19,
    "number": "+442079460123",
}


def written(form: str, rows: list[list[Any]]) -> bytes:
    stream = io.BytesIO()
    writer = writer_of(form, stream, COLUMNS)
    writer.rows(rows)
    writer.close()
    assert not stream.closed
    return stream.getvalue()


@pytest.mark.parametrize("table", list(Export))
def test_no_personal_value_is_shown_unless_asked_for(table: Export) -> None:
    columns = EXPORTS[table]
    row = {one.name: "+442079460123" for one in columns}
    hidden = dict(
        zip([one.name for one in columns], veiled(row, columns, SALT, reveal=False), strict=True)
    )
    shown = dict(
        zip([one.name for one in columns], veiled(row, columns, SALT, reveal=True), strict=True)
    )
    for column in columns:
        if column.name == "number_token":
            assert hidden[column.name] == shown[column.name] == token_of("+442079460123", SALT)
        elif column.hide is not None:
            assert "2079460" not in str(hidden[column.name])
            assert shown[column.name] == "+442079460123"
    assert {"name", "reason", "number", "other_numbers", "data"} >= {
        one.name for one in columns if one.hide is not None
    }


def test_a_token_joins_rows_of_one_installation_only() -> None:
    assert token_of("+442079460123", SALT) == token_of("+442079460123", SALT)
    assert token_of("+442079460123", SALT) != token_of("+442079460124", SALT)
    assert token_of("+442079460123", SALT) != token_of("+442079460123", b"another")


@given(st.text(max_size=30))
def test_no_cell_is_a_formula(text: str) -> None:
    cell = harmless(text)
    assert cell.endswith(text)
    digits = text[1:].replace(" | +", "")
    number = text.startswith("+") and digits.isascii() and digits.isdigit()
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")) or number


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+442079460123", "+442079460123"),
        ("+442079460123 | +442079460124", "+442079460123 | +442079460124"),
        ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
        ("-2", "'-2"),
        ("@SUM(1)", "'@SUM(1)"),
        ("plain", "plain"),
    ],
)
def test_a_number_keeps_its_plus_and_a_formula_its_apostrophe(text: str, cell: str) -> None:
    assert harmless(text) == cell


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_the_same(form: str) -> None:
    data = written(form, [veiled(ROW, COLUMNS, SALT, reveal=True)])
    if form == "csv":
        [row] = csv.DictReader(io.StringIO(data.decode()))
        assert row["reserved_at"] == "2026-01-31T16:00:00.000Z"
        assert (row["n"], row["talk_seconds"], row["placed_at"]) == ("2", "1.5", "")
    elif form == "jsonl":
        found = json.loads(data)
        assert found["reserved_at"] == "2026-01-31T16:00:00.000Z"
        assert (found["n"], found["placed_at"], found["number"]) == (2, None, "+442079460123")
    else:
        table = pq.read_table(io.BytesIO(data))
        assert str(table.schema.field("reserved_at").type) == "timestamp[us, tz=UTC]"
        [found] = table.to_pylist()
        assert found["reserved_at"] == AT.astimezone(UTC)
        assert (found["n"], found["cause"], found["placed_at"]) == (2, 19, None)


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_without_rows_has_its_columns(form: str) -> None:
    data = written(form, [])
    if form == "csv":
        assert data.decode().rstrip().split(",") == [one.name for one in COLUMNS]
    elif form == "parquet":
        assert pq.read_schema(io.BytesIO(data)).names == [one.name for one in COLUMNS]
    else:
        assert data == b""


def test_every_column_is_documented_once() -> None:
    for columns in EXPORTS.values():
        names = [one.name for one in columns]
        assert len(names) == len(set(names))
        assert all(one.about for one in columns)
        assert all(isinstance(one.kind, Kind) for one in columns)


@pytest.mark.parametrize("table", list(Export))
def test_every_column_is_in_the_documentation(table: Export) -> None:
    page = (Path(__file__).parents[2] / "docs" / "import-export.md").read_text("utf-8")
    rows = [f"| `{one.name}` | {one.kind.value} | {one.about} |" for one in EXPORTS[table]]
    assert f"### `kairos export {table.value}`" in page
    assert "\n".join(rows) in page
