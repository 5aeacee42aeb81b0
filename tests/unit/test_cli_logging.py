"""No number and no secret gets into the log, and every error has a sentence and an exit code."""

import asyncio
import errno
import io
import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from config.problems import ConfigError
from gateway.domain.errors import (
    BadInput,
    LoginRefused,
    OutcomeUnknown,
    StoreLocked,
    StoreUnavailable,
)
from gateway.lifecycle import EXIT_CODES, ExitCode, Failure, complaint, write_traceback
from gateway.observability import configure, log_to_file, redact_text


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    for one in root.handlers:
        one.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call +358 40 123 4567 now", "call …67 now"),
        ("+49 (0)30 1234-567", "…67"),
        ("0401234567", "…67"),
        ("040 123 4567,", "…67,"),
        ("tel:+442079460123", "tel:…23"),
        ("postgresql://kairos:pass@127.0.0.1/kairos", "postgresql://kairos:***@127.0.0.1/kairos"),
    ],
)
def test_numbers_and_passwords_are_masked_in_any_text(text: str, masked: str) -> None:
    assert redact_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-10T08:00:00.123456Z",
        "2026-03-10 08:00:00,123",
        "kairos01m81nqjgqyqmsn9d71qawnzk5",
        "10.0.0.1:5038",
        "mon-fri 09:00-12:00",
        "process 12345, port 50381, 300 callbacks",
    ],
)
def test_what_is_no_number_stays_readable(text: str) -> None:
    assert redact_text(text) == text


def logged(**event: object) -> dict[str, object]:
    stream = io.StringIO()
    configure(stream=stream)
    structlog.get_logger().info("something.happened", **event)
    found: dict[str, object] = json.loads(stream.getvalue())
    return found


def test_secret_and_personal_keys_are_masked_whatever_they_hold() -> None:
    line = logged(ami_secret="x", number="12", phone="1", target="PJSIP/anna", ok=5)
    assert (line["ami_secret"], line["number"], line["target"]) == ("***", "***", "***")
    assert line["ok"] == 5


def test_numbers_are_masked_deep_inside_a_value_and_in_tracebacks() -> None:
    stream = io.StringIO()
    configure(stream=stream)
    try:
        int("+442079460123x")
    except ValueError:
        structlog.get_logger().exception("failed", data={"seen": ["+442079460123", {"token": 1}]})
    assert "2079460" not in stream.getvalue()
    assert json.loads(stream.getvalue())["data"] == {"seen": ["…23", {"token": "***"}]}


def test_the_standard_library_logs_the_same_way() -> None:
    stream = io.StringIO()
    configure(stream=stream)
    logging.getLogger("some.library").warning("called %s", "+442079460123")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"]) == ("called …23", "warning")


def test_a_log_file_is_private_and_a_listener_hears_masked_events(tmp_path: Path) -> None:
    heard: list[object] = []
    path = tmp_path / "logs" / "kairos.log"
    log_to_file(path, listener=lambda event: heard.append((event["event"], event["seen"])))
    structlog.get_logger().info("moved", seen="+442079460123")
    assert heard == [("moved", "…23")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["seen"] == "…23"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Failure("no", "do that", ExitCode.BUSY), ExitCode.BUSY),
        (ConfigError(["a.yaml: x: missing"]), ExitCode.USAGE),
        (BadInput("number", "missing"), ExitCode.USAGE),
        (StoreUnavailable("the disk is full"), ExitCode.DATABASE),
        (StoreLocked("process 7 has it"), ExitCode.BUSY),
        (LoginRefused("office: no"), ExitCode.LOGIN_REFUSED),
        (OutcomeUnknown("no answer"), ExitCode.UNEXPECTED),
        (OSError(errno.ENOSPC, "x", "/data"), ExitCode.UNEXPECTED),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (asyncio.CancelledError(), ExitCode.INTERRUPTED),
        (ValueError("odd"), ExitCode.UNEXPECTED),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: ExitCode) -> None:
    assert complaint(error).code == code
    group = BaseExceptionGroup("tasks", [BaseExceptionGroup("inner", [error])])
    assert complaint(group).code == code
    assert complaint(error).expected == (not isinstance(error, ValueError))


def test_the_most_telling_error_of_a_group_is_told() -> None:
    group = ExceptionGroup("tasks", [ValueError("odd"), StoreUnavailable("the disk is full")])
    assert complaint(group).problem == "the disk is full"


def test_a_complaint_holds_no_number() -> None:
    assert "2079460" not in complaint(ValueError("+442079460123")).problem


def test_a_database_that_was_never_made_has_another_remedy_than_one_that_is_down() -> None:
    assert "disk has room" in complaint(StoreUnavailable("the disk is full")).remedy
    missing = complaint(StoreUnavailable("there is no database file /data/kairos.db"))
    assert missing.remedy == "It is made by the first kairos serve or kairos import."


def test_every_exit_code_is_explained() -> None:
    assert EXIT_CODES.keys() == set(ExitCode)


def test_a_traceback_is_kept_masked_and_private(tmp_path: Path) -> None:
    path = write_traceback(ValueError("+442079460123"), tmp_path)
    assert path is not None
    assert path.parent == tmp_path
    assert "ValueError: …23" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
