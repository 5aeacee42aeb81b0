"""Tables are read however a spreadsheet wrote them, and what is wrong is said of each row."""

import stat
from pathlib import Path

import pytest

from gateway.cli.csvfile import Row, Source, open_source
from gateway.cli.rejects import Rejects
from gateway.domain.errors import BadInput
from gateway.lifecycle import Failure

NAME = "Jörg Müller"


def write(folder: Path, text: str, encoding: str = "utf-8", name: str = "calls.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def rows(path: Path) -> list[Row]:
    return [row for row, _ in open_source(path).rows()]


def fields(path: Path) -> list[dict[str, str]]:
    return [row.fields for row in rows(path)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_any_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, f"number,name\n+442079460123,{NAME}\n", encoding)
    assert fields(path) == [{"number": "+442079460123", "name": NAME}]


def test_latin_1_is_noticed_however_late_it_comes(tmp_path: Path) -> None:
    filler = "+442079460123,Anna\n" * 70_000
    path = write(tmp_path, f"number,name\n{filler}+442079460124,{NAME}\n", "cp1252")
    assert fields(path)[-1]["name"] == NAME


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_usual_separator_is_read(tmp_path: Path, separator: str) -> None:
    text = f'number{separator}name\n+442079460123{separator}"Smith{separator} Ann"\n'
    assert fields(write(tmp_path, text)) == [
        {"number": "+442079460123", "name": f"Smith{separator} Ann"}
    ]


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("Phone", "number"),
        ("  Phone Number ", "number"),
        ("TEL", "number"),
        ("Puhelinnumero", "number"),
    ],
)
def test_headings_are_read_as_people_write_them(tmp_path: Path, heading: str, column: str) -> None:
    assert fields(write(tmp_path, f"{heading}\n123\n")) == [{column: "123"}]


def test_other_columns_have_other_names_too(tmp_path: Path) -> None:
    path = write(tmp_path, "phone,Time-Zone,Preferred windows,Value,Asiakas\n1,a,b,c,d\n")
    assert fields(path) == [
        {"number": "1", "zone": "a", "preferred": "b", "worth": "c", "name": "d"}
    ]


def test_an_unknown_column_is_named_with_the_closest_known_one(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, "number,deadlin,error\n1,2,3\n"))
    assert source.unknown == ("deadlin (did you mean 'deadline'?)",)


def test_empty_rows_are_left_out_and_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    found = rows(write(tmp_path, 'number,name\n\n,\n1,"two\nlines"\n2,x\n'))
    assert [(row.line, row.fields["number"]) for row in found] == [(4, "1"), (6, "2")]


def test_a_row_with_too_many_cells_is_wrong_and_the_next_is_read(tmp_path: Path) -> None:
    wrong, right = rows(write(tmp_path, "number,name\n1,Smith, Ann\n2,x\n"))
    assert wrong.problem is not None
    assert "3 cells, but the heading has 2" in str(wrong.problem)
    assert right.problem is None


def test_a_quote_that_is_never_closed_is_said_so(tmp_path: Path) -> None:
    broken, *others = rows(write(tmp_path, 'number,name\n1,"Ann\n2,x\n3,y\n'))
    assert "a quote is opened and never closed" in str(broken.problem)
    assert [(row.line, row.fields["number"]) for row in others] == [(3, "2"), (4, "3")]


def test_a_broken_row_comes_back_as_it_stood_and_the_others_are_read(tmp_path: Path) -> None:
    many = "".join(f"{n},x\n" for n in range(5000))
    text = f'number,name\n1,"Bad "quote" here"\n2,"Ann\n{many}3,{"A" * 30_000}\n4,y\n'
    source = open_source(write(tmp_path, text))
    found = [row for row, _ in source.rows()]
    broken = [row for row in found if row.problem]
    assert [row.line for row in broken] == [2, 3, 5004]
    assert "longer than 20000 characters" in str(broken[2].problem)
    assert len(found) == 5004
    rejects = Rejects(source)
    for row in broken[:2]:
        rejects.reject(row, BadInput("row", "broken"))
    rejects.close()
    again = rows(rejects.path)
    assert [row.cells[0] for row in again] == ['1,"Bad "quote" here"', '2,"Ann']
    assert all(row.cells[-1] == "row: broken" and len(row.cells) == 3 for row in again)


def test_the_separator_line_of_spreadsheets_is_understood(tmp_path: Path) -> None:
    (row,) = rows(write(tmp_path, "sep=;\r\nnumber;name\r\n1;x, y\r\n"))
    assert (row.line, row.fields) == (3, {"number": "1", "name": "x, y"})


def test_a_row_of_data_in_place_of_the_heading_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="looks like a row of data") as failure:
        open_source(write(tmp_path, f"+442079460123,{NAME}\n"))
    assert NAME not in str(failure.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"name,reason\nAnn,x\n", "no column with telephone numbers"),
        (b"+442079460123\n", "no column with telephone numbers"),
        (b"phone,mobile\n1,2\n", "two columns are read as 'number': 'phone' and 'mobile'"),
        (b"PK\x03\x04 zipped", "is no text file"),
        (b"\x00\x01\x02", "is no text file"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(content)
    with pytest.raises(Failure, match=told) as failure:
        open_source(path)
    assert failure.value.remedy


def test_of_two_columns_of_a_kind_both_are_named_and_what_to_type(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("Telefon;Betreff;Bemerkung\n+442079460123;Rechnung;ruft selten ab\n")
    with pytest.raises(Failure, match="'Betreff' and 'Bemerkung'") as failure:
        open_source(path)
    assert '--map "Betreff=reason"' in failure.value.remedy
    assert '--map "Bemerkung=ignore"' in failure.value.remedy


def test_what_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no such file"):
        open_source(tmp_path / "nothing.csv")
    with pytest.raises(Failure, match="is no file"):
        open_source(tmp_path)


def test_the_digest_names_the_content(tmp_path: Path) -> None:
    one = open_source(write(tmp_path, "number\n1\n", name="a.csv"))
    same = open_source(write(tmp_path, "number\n1\n", name="b.csv"))
    other = open_source(write(tmp_path, "number\n2\n", name="c.csv"))
    assert one.digest == same.digest != other.digest


def rejected(source: Source, row: Row, problem: BadInput) -> str:
    rejects = Rejects(source)
    rejects.reject(row, problem)
    rejects.close()
    return rejects.path.read_text()


def test_rejected_rows_go_to_a_private_side_file_that_can_be_mended(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, "number;name\n12;Ann\n"))
    row = next(row for row, _ in source.rows())
    text = rejected(source, row, BadInput("number", "no such number"))
    side = tmp_path / "calls.rejected.csv"
    assert text.splitlines() == ["number;name;error", "12;Ann;number: no such number"]
    assert stat.S_IMODE(side.stat().st_mode) == 0o600
    again = open_source(side)
    assert again.unknown == ()
    assert [row.fields for row, _ in again.rows()] == [{"number": "12", "name": "Ann"}]
    mended = rejected(again, next(row for row, _ in again.rows()), BadInput("name", "odd"))
    assert mended.splitlines()[0] == "number;name;error"


def test_no_side_file_is_made_without_need(tmp_path: Path) -> None:
    rejects = Rejects(open_source(write(tmp_path, "number\n1\n")))
    rejects.close()
    assert not rejects.written
    assert not rejects.path.exists()
