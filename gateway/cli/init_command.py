"""``kairos init``: from nothing to a configuration that works, with the PBX tried on the way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import typer
from rich.text import Text

from gateway.cli.asking import at_terminal, choose, question
from gateway.cli.console import err, note, out, print_json
from gateway.cli.findings import Finding, Level, as_json, laid_out
from gateway.cli.init_answers import DIALPLAN, PBX, RULES, Answers, Question, problems
from gateway.cli.init_file import fresh_secret, rendered, secret_path, write_private
from gateway.cli.pbx_words import findings_of, stanza
from gateway.cli.shell import CONFIG_NAME, Shell, as_typed
from gateway.lifecycle import ExitCode, Failure

__all__ = ["Wishes", "init"]

_WELCOME: Final = (
    "Kairos needs to know your PBX, your dialplan and whom to call. Enter takes what stands in "
    "[brackets]; Ctrl-C ends without writing anything.\n"
)
_MENDING: Final = {"r": "try again", "c": "change the answers", "g": "go on as it is"}
_TRYING: Final = {"y": "when the user above is in manager.conf", "n": "later, with kairos check"}
_HIDDEN: Final = "<the secret you typed>"
_LOCALE: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How it was asked for. ``given``: which answers came as options, and are not asked for."""

    file: Path
    given: frozenset[str]
    yes: bool = False
    force: bool = False
    test: bool = True
    as_json: bool = False


def init(shell: Shell, answers: Answers, wishes: Wishes) -> None:
    """Ask, try, write, and say how to go on."""
    wishes = replace(wishes, file=wishes.file.absolute())
    _refuse_to_overwrite(wishes, answers)
    answers.country = answers.country or _country_here()
    _find_secret(answers)
    run = _Init(shell, answers, wishes)
    if at_terminal() and not wishes.yes:
        run.ask()
    else:
        run.take_as_given()
    run.write()
    run.conclude()


def _refuse_to_overwrite(wishes: Wishes, answers: Answers) -> None:
    for path in (wishes.file, secret_path(wishes.file, answers)):
        ours = path == wishes.file or not (answers.secret_file or answers.secret_from)
        if path.exists() and ours and not wishes.force:
            raise Failure(
                f"{path} is there already and was left as it is.",
                "Name another file, or say --force to write it anew (the old one is kept as "
                f"{path.name}.old).",
            )
    if not wishes.file.parent.is_dir():
        raise Failure(f"There is no folder {wishes.file.parent}.", "Make it, or name another file.")


def _country_here() -> str:
    """Guess the country from the language of this terminal."""
    name = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    country = name.partition(".")[0][3:_LOCALE]
    return country if country.isupper() else ""


def _find_secret(answers: Answers) -> None:
    variable = f"KAIROS_CARRIERS__{answers.carrier.upper()}__SECRET"
    if answers.secret_file is not None:
        answers.secret_file = answers.secret_file.absolute()
        _read_secret(answers, answers.secret_file)
    elif held := os.environ.get(variable):
        answers.secret, answers.secret_from = held, variable


def _read_secret(answers: Answers, file: Path) -> None:
    try:
        answers.secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise Failure(f"--secret-file: {file} cannot be read ({why}).") from None


@dataclass(slots=True)
class _Init:
    """One run."""

    shell: Shell
    answers: Answers
    wishes: Wishes
    found: Sequence[Finding] = ()
    made_up: bool = False
    written: list[Path] = field(default_factory=list)

    def ask(self) -> None:
        """Ask for everything that was not given, and try the PBX as soon as that is possible."""
        note(_WELCOME)
        self._ask_all(PBX)
        self._tell_stanza()
        tried = False
        if self.wishes.test:
            tried = choose("Try the login now?", _TRYING) == "y"
            if tried:
                self._try(PBX, places=False)
        self._ask_all(DIALPLAN)
        if tried and not self._broken():
            self._try(DIALPLAN, places=True)
        self._ask_all(RULES)

    def take_as_given(self) -> None:
        """Take options and defaults; a secret nobody gave is made up."""
        if not self.answers.secret:
            self._make_up()
        if found := list(problems(self.answers)):
            raise Failure("\n".join(["These answers are of no use:", *(f"  {p}" for p in found)]))
        if self.made_up:
            self._tell_stanza()
        elif self.wishes.test:
            self.found = self._look(places=True)
            if not self.wishes.as_json:
                err().print(laid_out(self.found))

    def write(self) -> None:
        """Write the secret and the configuration, and read them back."""
        answers, file = self.answers, self.wishes.file
        try:
            secret_file = answers.secret_file
            if secret_file is None and not answers.secret_from:
                path = secret_path(file, answers)
                self._put(path, answers.secret + "\n")
                secret_file = Path(path.name)
            self._put(file, rendered(answers, secret_file))
        except OSError as error:
            raise Failure(f"{file.parent} cannot be written to ({error.strerror}).") from None
        self.shell.root.settings(file)

    def _put(self, path: Path, text: str) -> None:
        if path.exists() and self.wishes.force:
            path.replace(path.with_name(f"{path.name}.old"))
        write_private(path, text, replace=self.wishes.force)
        self.written.append(path)

    def conclude(self) -> None:
        """Say what was written and which two commands come next."""
        if self.wishes.as_json:
            files = [str(one) for one in self.written]
            print_json({"written": files, "pbx": as_json(self.found)})
        else:
            names = " and ".join(_shown(one) for one in self.written)
            out().print(Text(f"Wrote {names}, for your eyes only.", style="green"), soft_wrap=True)
            kairos = as_typed()
            default = self.wishes.file == Path(CONFIG_NAME).absolute()
            where = "" if default else f" --config {_shown(self.wishes.file)}"
            note(f"Next:\n  {kairos} check{where}\n  {kairos} serve{where}")
        if self._broken():
            raise typer.Exit(int(ExitCode.LOGIN_REFUSED))

    def _broken(self) -> bool:
        return any(one.level is Level.FAIL for one in self.found)

    def _ask_all(self, questions: Sequence[Question], *, again: bool = False) -> None:
        for one in questions:
            known = one.key in self.wishes.given or (one.key == "secret" and self.answers.secret)
            if known and not again:
                with suppress(ValueError):
                    one.check(getattr(self.answers, one.key))
                    continue
            if one.key == "secret":
                self._ask_secret(one)
                continue
            default = getattr(self.answers, one.key)
            setattr(self.answers, one.key, question(one.text, default, one.check, hint=one.hint))

    def _ask_secret(self, one: Question) -> None:
        answers = self.answers
        if answers.secret_file is not None:
            note(f"The secret is read anew from {answers.secret_file}.", "dim")
            _read_secret(answers, answers.secret_file)
            return
        text = one.text.replace("one is made up", "it stays") if answers.secret else one.text
        if value := question(text, "", one.check, secret=True):
            answers.secret, answers.secret_from, self.made_up = value, "", False
        elif not answers.secret:
            self._make_up()

    def _make_up(self) -> None:
        self.answers.secret, self.made_up = fresh_secret(), True

    def _tell_stanza(self) -> None:
        secret = "" if self.made_up else _HIDDEN
        note("\nIf this user is not there yet, into manager.conf on the PBX:\n", "bold")
        note(stanza(self.answers.login(), secret))
        note("and then on the PBX: asterisk -rx 'manager reload'\n", "bold")

    def _try(self, questions: Sequence[Question], *, places: bool) -> None:
        """Look at the PBX, tell what is wrong, and let it be mended until it is right."""
        while True:
            self.found = self._look(places=places)
            err().print(laid_out(self.found))
            if not self._broken():
                return
            choice = choose("What now?", _MENDING)
            if choice == "g":
                return
            if choice == "c":
                self._ask_all(questions, again=True)

    def _look(self, *, places: bool) -> list[Finding]:
        login = self.answers.login()
        login = login if places else replace(login, places=())
        report = self.shell.run(self.shell.root.look_at_pbx(login))
        return findings_of(report, login, f"PBX {login.host}")


def _shown(path: Path) -> str:
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
