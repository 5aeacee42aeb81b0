"""What init writes can be read by the service, holds no secret, and is never written over."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import load_settings
from gateway.cli.findings import Level
from gateway.cli.init_answers import Answers, problems
from gateway.cli.init_file import fresh_secret, rendered, write_private
from gateway.cli.pbx_words import findings_of, stanza
from gateway.cli.root import PbxLogin

SECRET = "correct-horse-battery-staple"


def answers(**more: str) -> Answers:
    return replace(Answers(country="FI", secret=SECRET), **more)  # type: ignore[arg-type]


def test_what_is_written_is_what_was_answered(tmp_path: Path) -> None:
    given_ = answers(host="pbx.example", caller_id='"Ex: #1" <+358912345678>', rate="2.5")
    (tmp_path / "pbx.secret").write_text(SECRET)
    file = tmp_path / "kairos.yaml"
    file.write_text(rendered(given_, Path("pbx.secret")))
    settings = load_settings(file)
    carrier = settings.carriers["pbx"]
    assert (carrier.host, carrier.caller_id) == ("pbx.example", '"Ex: #1" <+358912345678>')
    assert (carrier.limits.calls_per_second, settings.queues["support"].deadline) == (2.5, 172_800)
    assert carrier.secret.get_secret_value() == SECRET
    assert SECRET not in file.read_text()
    assert SECRET not in repr(given_) + repr(given_.login())


def test_what_was_not_asked_for_stands_there_as_a_comment_to_be_switched_on() -> None:
    text = rendered(answers(), Path("pbx.secret"))
    for key in ("denied_prefixes:", "caller_id:", "cel_file:", "hours:", "api:"):
        assert f"# {key}" in text


@given(host=st.text(min_size=1, max_size=30), exten=st.text(max_size=20))
def test_whatever_passes_the_questions_is_a_configuration_that_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, host: str, exten: str
) -> None:
    found = answers(host=host, exten=exten)
    if list(problems(found)):
        return
    folder = tmp_path_factory.mktemp("init")
    (folder / "pbx.secret").write_text(SECRET)
    (folder / "kairos.yaml").write_text(rendered(found, Path("pbx.secret")), encoding="utf-8")
    settings = load_settings(folder / "kairos.yaml")
    assert settings.carriers["pbx"].host == host
    assert settings.carriers["pbx"].routes["people"].exten == exten


def test_every_answer_that_cannot_be_used_is_named_by_its_option() -> None:
    found = list(problems(answers(port="0", channel="x", country="ZZ", secret="short", rate="-1")))
    named = [one.partition(":")[0] for one in found]
    assert named == ["--port", "--secret", "--channel", "--country", "--rate"]
    assert "short" not in " ".join(found).replace("too short", "")


def test_files_are_for_their_owner_alone_and_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "kairos.yaml"
    write_private(file, "one", replace=False)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_private(file, "two", replace=False)
    assert file.read_text() == "one"
    write_private(file, "two", replace=True)
    assert [one.name for one in tmp_path.iterdir()] == ["kairos.yaml"]


def test_a_made_up_secret_passes_its_own_check_and_is_another_each_time() -> None:
    first, second = fresh_secret(), fresh_secret()
    assert first != second
    assert list(problems(answers(secret=first))) == []


class Report:
    """A look that found what the test says."""

    problem = "x"
    addresses = ("127.0.0.1",)
    version = "20.8.0"
    vulnerable = True
    boot_epoch = "2026-01-01T10:00:00"
    missing: tuple[str, ...] = ()
    heard_boot = False
    clock_ahead = 61.0

    def __init__(
        self, reached: str, problem: str = "x", places: dict[tuple[str, str], bool] | None = None
    ) -> None:
        self.reached = reached
        self.problem = problem
        self.places = places or {}


LOGIN = PbxLogin(
    host="127.0.0.1", port=5038, username="kairos", secret=SECRET, places=(("c", "e"), ("c", "f"))
)


@pytest.mark.parametrize(
    ("reached", "problem", "line"),
    [
        ("name", "no such host", "/etc/hosts"),
        ("port", "the connection was refused", "bindaddr ="),
        ("port", "no answer: a firewall", "firewall"),
        ("tls", "the certificate was not accepted", "cafile"),
        ("greeting", "does not greet", "5038"),
        ("login", "Authentication failed", "permit = 127.0.0.1"),
    ],
)
def test_each_obstacle_names_what_to_change_where(reached: str, problem: str, line: str) -> None:
    (found,) = findings_of(Report(reached, problem), LOGIN, "PBX")
    assert found.level is Level.FAIL
    assert line in found.remedy
    assert SECRET not in found.text + found.remedy


def test_missing_rights_are_told_with_the_line_that_grants_them() -> None:
    report = Report("rights")
    report.missing = ("reporting",)
    first, *_ = findings_of(report, LOGIN, "PBX")
    assert "lacks write = reporting" in first.text
    assert "write = originate,call,reporting" in first.remedy


def test_what_works_but_should_be_mended_is_a_warning() -> None:
    found = findings_of(Report("all", places={("c", "e"): True, ("c", "f"): False}), LOGIN, "PBX")
    told = {one.text.split(" ")[0]: one.level for one in found}
    texts = " ".join(one.text for one in found)
    assert told["login"] is Level.OK
    assert "may not read system" in texts
    assert "CVE-2024-42365" in texts
    assert "61 s ahead of ours" in texts
    assert [one.level for one in found[-2:]] == [Level.OK, Level.FAIL]


def test_the_stanza_grants_the_least_and_lets_only_us_in() -> None:
    told = stanza(LOGIN)
    assert "read = call,system\n" in told
    assert "write = originate,call,reporting\n" in told
    assert "permit = 127.0.0.1/255.255.255.255" in told
    assert SECRET in told
    assert SECRET not in stanza(LOGIN, "<hidden>")
