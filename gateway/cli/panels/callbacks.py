"""The group "Callbacks"."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli import acting, listing, reading
from gateway.cli.options import ConfigOption, JsonOption, RevealOption, shell_of
from gateway.cli.panels import Panel
from gateway.domain.machine import CallbackState

__all__ = ["group"]

group = typer.Typer()
"""Its commands."""


@group.command(rich_help_panel=Panel.CALLBACKS)
def callbacks(  # noqa: PLR0913 -- an option for each filter
    context: typer.Context,
    *,
    config: ConfigOption = None,
    state: Annotated[
        list[CallbackState] | None,
        typer.Option(case_sensitive=False, help="Only these; may be given several times."),
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Only this queue.")] = None,
    number: Annotated[str | None, typer.Option(help="Only for this number.")] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="ID", help="Only for this contact.")
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="Requested since: '2h', 'today', '2026-01-31'.")
    ] = "",
    until: Annotated[str, typer.Option(metavar="WHEN", help="Requested before.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    after: Annotated[str, typer.Option(metavar="ID", help="Go on after this one.")] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Look again every second.")] = False,
    reveal: RevealOption = False,
    as_json: JsonOption = False,
) -> None:
    """List callbacks, newest first; times are the contact's own.

    Examples: `kairos callbacks --state scheduled --state dialing --limit 20`,
    `kairos callbacks --since yesterday --queue support`
    """
    wanted = reading.Filter(
        states=tuple(state or ()),
        queue=queue,
        number=number,
        contact=contact,
        since=since,
        until=until,
        after=after,
        limit=limit,
    )
    reading.callbacks(
        shell_of(context), config, wanted, watch=watch, reveal=reveal, as_json=as_json
    )


@group.command(rich_help_panel=Panel.CALLBACKS)
def show(
    context: typer.Context,
    callback_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning.")],
    *,
    config: ConfigOption = None,
    reveal: RevealOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the whole way of one callback: each step, when and why, and what the carriers said.

    Example: `kairos show cb01kat5w9`
    """
    reading.show(shell_of(context), config, callback_id, reveal=reveal, as_json=as_json)


QueueOption = Annotated[str | None, typer.Option(help="Which queue; left out: the default one.")]
AnyTimeOption = Annotated[
    bool,
    typer.Option("--ignore-preferred", help="Also outside the times the contact preferred."),
]


@group.command(rich_help_panel=Panel.CALLBACKS)
def call(  # noqa: PLR0913 -- an option for each thing that can be said of a request
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="As people write it.")],
    *,
    name: Annotated[str, typer.Option(help="Whose number it is.")] = "",
    queue: QueueOption = None,
    reason: Annotated[str, typer.Option(help="What it is about.")] = "",
    now: Annotated[bool, typer.Option("--now", help="At once, if the law allows it.")] = False,
    deadline: Annotated[
        str, typer.Option(metavar="WHEN", help="No call is begun after this: 'in 2d'.")
    ] = "",
    zone: Annotated[
        str | None, typer.Option(help="The contact's time zone, where the number does not tell.")
    ] = None,
    country: Annotated[str | None, typer.Option(help="The contact's country.")] = None,
    any_time: AnyTimeOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be planned, keep nothing.")
    ] = False,
    config: ConfigOption = None,
    reveal: RevealOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ask for one callback.

    Examples: `kairos call "040 123 4567" --reason "invoice" --now`,
    `kairos call +442079460000 --deadline "in 4h" --dry-run`
    """
    asked = acting.Asked(
        number=number,
        name=name,
        queue=queue,
        reason=reason,
        deadline=deadline,
        zone=zone,
        country=country,
        now=now,
        ignore_preferred=any_time,
    )
    acting.call(shell_of(context), config, asked, dry_run=dry_run, reveal=reveal, as_json=as_json)


@group.command(rich_help_panel=Panel.CALLBACKS)
def cancel(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids, or their beginnings.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for its journal; name nobody.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel callbacks. One that is being called is canceled when that call ends.

    Example: `kairos cancel cb01kat5w9 --reason "solved by mail"`
    """
    acting.cancel(shell_of(context), config, ids, reason=reason, as_json=as_json)


@group.command(rich_help_panel=Panel.CALLBACKS)
def reschedule(
    context: typer.Context,
    callback_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning.")],
    when: Annotated[
        str,
        typer.Argument(
            metavar="WHEN", help="By the contact's clock: 'tomorrow 14:00', 'mon 9:30', 'in 2h'."
        ),
    ],
    *,
    any_time: AnyTimeOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a callback another time, inside the law and its deadline.

    Example: `kairos reschedule cb01kat5w9 "tomorrow 14:00"`
    """
    acting.reschedule(
        shell_of(context), config, callback_id, when, ignore_preferred=any_time, as_json=as_json
    )


@group.command("call-now", rich_help_panel=Panel.CALLBACKS)
def call_now(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids, or their beginnings.")],
    *,
    any_time: AnyTimeOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Call at once, as far as the law, caps and gaps allow.

    Example: `kairos call-now cb01kat5w9`
    """
    acting.call_now(shell_of(context), config, ids, ignore_preferred=any_time, as_json=as_json)


@group.command(rich_help_panel=Panel.CALLBACKS)
def contacts(
    context: typer.Context,
    *,
    number: Annotated[str | None, typer.Option(help="Only who has this number.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    after: Annotated[str, typer.Option(metavar="ID", help="Go on after this one.")] = "",
    config: ConfigOption = None,
    reveal: RevealOption = False,
    as_json: JsonOption = False,
) -> None:
    """List contacts, newest first.

    Example: `kairos contacts --number "040 123 4567" --reveal`
    """
    listing.contacts(
        shell_of(context),
        config,
        number=number,
        after=after,
        limit=limit,
        reveal=reveal,
        as_json=as_json,
    )
