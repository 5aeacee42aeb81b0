"""The group "Try it"."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import init_command, practice
from gateway.cli.init_answers import Answers
from gateway.cli.options import JsonOption, YesOption, shell_of
from gateway.cli.panels import Panel
from gateway.cli.shell import CONFIG_NAME, PRACTICE_FOLDER

__all__ = ["group"]

group = typer.Typer()
"""Its commands."""


@group.command(name="practice", rich_help_panel=Panel.TRY)
def practice_(
    context: typer.Context,
    *,
    folder: Annotated[
        Path, typer.Option("--data-dir", metavar="FOLDER", help="Where everything is kept.")
    ] = PRACTICE_FOLDER,
    pbx: Annotated[
        practice.Pbx,
        typer.Option(help="A real Asterisk, a simulated one, or real where it can be had."),
    ] = practice.Pbx.AUTO,
    callbacks: Annotated[
        int, typer.Option(min=1, max=2000, help="How many callbacks, in a fresh folder.")
    ] = 300,
    seed: Annotated[int, typer.Option(help="Another number, other people.")] = 1,
    speed: Annotated[
        float, typer.Option(min=0.1, max=50, help="How fast the practice world moves.")
    ] = 4.0,
    keep_serving: Annotated[
        bool, typer.Option("--keep-serving", help="Go on when all callbacks are closed.")
    ] = False,
) -> None:
    """Try Kairos with a switch on this machine and invented people. Nobody real can be called.

    Loads some hundred callbacks and calls them all, with retries within seconds instead of hours:
    one or two minutes. Ctrl-C ends it cleanly; the same command goes on where it was ended.

    Example: `kairos practice --pbx simulated --callbacks 100`
    """
    options = practice.Options(
        folder=folder,
        pbx=pbx,
        callbacks=callbacks,
        seed=seed,
        speed=speed,
        keep_serving=keep_serving,
    )
    practice.practice(shell_of(context), options)


_GIVEN = Answers()


@group.command(rich_help_panel=Panel.TRY)
def init(  # noqa: PLR0913 -- an option for each answer
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to write.")] = Path(
        CONFIG_NAME
    ),
    *,
    host: Annotated[str, typer.Option(help="Host name or address of the PBX.")] = _GIVEN.host,
    port: Annotated[str, typer.Option(help="Its manager port (AMI).")] = _GIVEN.port,
    user: Annotated[str, typer.Option(help="The manager user.")] = _GIVEN.user,
    secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A file with the user's secret, to be used as it is. Without it: the variable "
            "KAIROS_CARRIERS__PBX__SECRET, or what is typed, or one that is made up.",
        ),
    ] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Use TLS and trust this certificate (PEM)."),
    ] = None,
    channel: Annotated[
        str,
        typer.Option(help="How to dial: PJSIP/{number}@trunk, SIP/trunk/{digits}, ..."),
    ] = _GIVEN.channel,
    caller_id: Annotated[str, typer.Option(help="What people see; left out: the trunk's.")] = "",
    dial_context: Annotated[
        str, typer.Option("--context", help="The dialplan's context for people who answered.")
    ] = _GIVEN.context,
    exten: Annotated[str, typer.Option(help="The extension in it.")] = _GIVEN.exten,
    country: Annotated[
        str, typer.Option(help="The country of your numbers, like FI.", show_default=False)
    ] = "",
    queue: Annotated[str, typer.Option(help="The queue's name in Kairos.")] = _GIVEN.queue,
    deadline: Annotated[
        str, typer.Option(help="How long after a request a call makes sense.")
    ] = _GIVEN.deadline,
    rate: Annotated[str, typer.Option(help="Calls a second your trunk takes.")] = _GIVEN.rate,
    carrier: Annotated[str, typer.Option(help="The PBX's name in Kairos.")] = _GIVEN.carrier,
    test: Annotated[bool, typer.Option(help="Try the login at the PBX.")] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Write anew what is there; the old is kept as .old.")
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a configuration: asks, tries the login at your PBX, says what to mend, writes.

    Every answer is an option too; with --yes, or without a terminal, nothing is asked. The secret
    is written to a file of its own. Ends with 4 if the PBX does not let us in; the files are
    written all the same.

    Example: `kairos init --host pbx.example.com --country FI`
    """
    answers = Answers(
        host=host,
        port=port,
        user=user,
        secret_file=secret_file,
        tls_ca=tls_ca and tls_ca.absolute(),
        channel=channel,
        caller_id=caller_id,
        context=dial_context,
        exten=exten,
        country=country.upper(),
        queue=queue,
        deadline=deadline,
        rate=rate,
        carrier=carrier,
    )
    given = frozenset(
        "context" if name == "dial_context" else name
        for name in context.params
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    )
    wishes = init_command.Wishes(
        file=file, given=given, yes=yes, force=force, test=test, as_json=as_json
    )
    init_command.init(shell_of(context), answers, wishes)
