"""The last configuration that worked is kept and can be started with, whatever became of it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from config.lastgood import find, keep
from config.settings import load_settings

ROOT = Path(__file__).parents[2]
GOOD = """\
# ours
default_country: FI   # home
data_dir: data # here
carriers:
  office:
    type: asterisk
    secret_file: office.secret
    channel: PJSIP/{number}@trunk
    routes: {support: {context: kairos-support}}
    cel_file: "cel.csv"
queues:
  support: {carriers: [office], route: support}
"""


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("KAIROS_"):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    (folder / "data").mkdir(parents=True)
    (folder / "office.secret").write_text("correct-horse\n")
    (folder / "kairos.yaml").write_text(GOOD)
    return folder / "kairos.yaml"


def kept(file: Path) -> Path:
    copy = keep(load_settings(file))
    assert copy is not None
    return copy


def test_the_copy_means_the_same_from_where_it_lies(file: Path) -> None:
    before = load_settings(file)
    copy = kept(file)
    assert copy == file.parent / "data/last-good/kairos.yaml"
    after = load_settings(copy)
    assert after.model_dump() == before.model_dump()
    assert after.carriers["office"].cel_file == file.parent / "cel.csv"


def test_the_copy_keeps_the_comments(file: Path) -> None:
    text = kept(file).read_text()
    assert "# ours" in text
    assert "default_country: FI   # home" in text
    assert f'data_dir: "{file.parent}/data" # here' in text


def test_only_the_owner_reads_it(file: Path) -> None:
    copy = kept(file)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700


def test_the_rule_files_are_kept_with_it(file: Path) -> None:
    shutil.copy(ROOT / "config/countries.yaml", file.with_name("our-countries.yaml"))
    file.write_text(GOOD + "countries_file: our-countries.yaml\n")
    copy = kept(file)
    file.with_name("our-countries.yaml").write_text("broken: [")
    assert load_settings(copy).countries_file == copy.with_name("countries.yaml")
    assert copy.with_name("countries.yaml").read_text().startswith("# When contacts")


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("data_dir: data # here\n", ""),
        (
            "{default_country: FI, carriers: {office: {type: asterisk, secret: x, channel: "
            "'PJSIP/{number}@trunk', routes: {support: {context: kairos-support}}}}, "
            "queues: {support: {carriers: [office], route: support}}}\n"
        ),
        "%YAML 1.1\n---\n" + GOOD,
        GOOD.replace("data_dir: data # here", "data_dir: >-\n  data\n"),
    ],
    ids=["no data_dir", "one line", "a directive", "a folded path"],
)
def test_however_it_is_written(file: Path, text: str) -> None:
    file.write_text(text)
    before = load_settings(file)
    before.data_dir.mkdir(exist_ok=True)
    assert load_settings(kept(file)).model_dump() == before.model_dump()


def test_a_newer_one_takes_the_place_of_the_older(file: Path) -> None:
    kept(file)
    file.write_text(GOOD.replace("FI ", "SE "))
    copy = kept(file)
    assert load_settings(copy).default_country == "SE"
    assert sorted(one.name for one in copy.parent.parent.iterdir()) == ["last-good"]


def test_what_was_read_is_kept_and_not_what_the_file_became_since(file: Path) -> None:
    settings = load_settings(file)
    file.write_text("broken: [")
    copy = keep(settings)
    assert copy is not None
    assert load_settings(copy).default_country == "FI"


def test_the_copy_is_not_kept_from_itself(file: Path) -> None:
    assert keep(load_settings(kept(file))) is None


@pytest.mark.parametrize(
    "broken",
    [
        "a: [",
        "data_dir: data\na: [",
        "data_dir: 'data' # here\nqueues: 3\n",
        "data_dir: data\n\x00",
    ],
)
def test_it_is_found_for_a_broken_file(file: Path, broken: str) -> None:
    copy = kept(file)
    if "data_dir" not in broken:
        (file.parent / "data").rename(file.parent / "kairos-data")
        copy = file.parent / "kairos-data/last-good/kairos.yaml"
    file.write_text(broken)
    assert find(file) == copy


def test_it_is_found_where_a_variable_says(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = kept(file)
    file.write_text("a: [")
    monkeypatch.setenv("KAIROS_DATA_DIR", str(file.parent / "data"))
    assert find(file) == copy


def test_nothing_is_found_where_nothing_was_kept(file: Path) -> None:
    assert find(file) is None
    assert find(file.with_name("absent.yaml")) is None


def test_the_copy_is_no_rescue_for_itself(file: Path) -> None:
    copy = kept(file)
    copy.write_text(f"data_dir: {file.parent}/data\na: [")
    assert find(copy) is None
