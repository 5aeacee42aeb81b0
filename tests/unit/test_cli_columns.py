"""What a column is, is guessed from its heading in five languages, or told; and kept in a file."""

from pathlib import Path

import pytest

from config.column_mapping import load_mapping, save_mapping
from config.problems import ConfigError
from gateway.cli.columns import match, normal_name, parse_maps
from gateway.cli.csvfile import open_source
from gateway.cli.rows import request_of, whole_number
from gateway.domain.errors import BadInput
from gateway.lifecycle import Failure
from tests.support.builders import NOW


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("Mobile Number", "number"),
        ("Rufnummer", "number"),
        ("Puhelinnumero", "number"),
        ("Numéro de téléphone", "number"),
        ("N° de téléphone", "number"),
        ("Teléfono móvil", "number"),
        ("Kundenname", "name"),
        ("Nombre del cliente", "name"),
        ("Wunschzeit", "preferred"),
        ("Créneau", "preferred"),
        ("Määräaika", "deadline"),
        ("Échéance", "deadline"),
        ("Spätestens", "deadline"),
        ("País", "country"),
        ("Zone", "zone"),
        ("Sprache", "language"),
        ("Schuhgröße", ""),
    ],
)
def test_headings_are_guessed_in_five_languages(heading: str, column: str) -> None:
    assert match([heading], {}).names == (column,)


def test_what_is_told_wins_over_what_is_guessed() -> None:
    header = ["Telefon", "Handy", "Notiz", "Wann"]
    found = match(header, {"handy": "number", "Wann": "preferred", "Notiz": "ignore"})
    assert found.names == ("", "number", "", "preferred")
    assert found.told == {1, 2, 3}


def test_a_heading_that_is_not_there_and_a_column_nobody_knows_are_told() -> None:
    with pytest.raises(Failure, match="no column 'Fon'") as told:
        match(["Telefon"], {"Fon": "number"})
    assert "Telefon" in told.value.remedy
    with pytest.raises(Failure, match="'nummber' is no column"):
        match(["Telefon"], {"Telefon": "nummber"})


@pytest.mark.parametrize("text", ["Telefon", "=number", "Telefon="])
def test_a_map_option_that_cannot_be_read_says_how_to_write_it(text: str) -> None:
    with pytest.raises(Failure) as told:
        parse_maps([text])
    assert "Telefon=number" in told.value.remedy
    assert parse_maps(["a=b=number"]) == {"a=b": "number"}


def test_several_columns_may_be_numbers_of_one_contact(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("Festnetz,Mobil,Name\n,+4915112345678,Bo\n+4930123456,+4915112345678,Cy\n")
    source = open_source(path, {"Festnetz": "number", "Mobil": "number"})
    found = [row.fields["number"] for row, _ in source.rows()]
    assert found == ["+4915112345678", "+4930123456|+4915112345678"]


def test_a_mapping_is_kept_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "crm.yaml"
    save_mapping(path, {"Téléphone: fixe": "number", "No": "ignore"})
    assert load_mapping(path) == {"Téléphone: fixe": "number", "No": "ignore"}
    path.write_text("colums:\n  a: number\n")
    with pytest.raises(ConfigError, match="colums: unknown key"):
        load_mapping(path)
    path.write_text("columns: [number]\n")
    with pytest.raises(ConfigError, match="must list headings"):
        load_mapping(path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("4.9151E+11", "was rounded by a spreadsheet"),
        ("4,9151E+11", "was rounded by a spreadsheet"),
        ("491511234567.0", "has decimal places"),
        ("+491511234567,00", "has decimal places"),
        ("#NAME?", "is a formula"),
        ("=49151*10", "is a formula"),
    ],
)
def test_a_number_that_a_spreadsheet_spoiled_is_told(text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem) as told:
        request_of({"number": text}, now=NOW, source="file", default_key="k")
    assert "formatted as text" in told.value.remedy


@pytest.mark.parametrize("text", ["'+4915112345678", "+4915112345678", " \u2019+4915112345678 "])
def test_the_sign_that_keeps_a_cell_as_text_is_no_part_of_the_number(text: str) -> None:
    assert whole_number(text) == "+4915112345678"


def test_headings_are_compared_without_accents_and_case() -> None:
    assert normal_name("  Straße / É ") == "strasse_e"
