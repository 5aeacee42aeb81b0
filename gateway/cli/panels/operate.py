"""The group "Operate"."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli import holding, listing, reading, top, why_command
from gateway.cli.options import ConfigOption, JsonOption, RevealOption, YesOption, shell_of
from gateway.cli.panels import Panel
from gateway.domain.records import Scope

__all__ = ["group"]

group = typer.Typer()
"""Its commands."""
_dnc = typer.Typer(no_args_is_help=True, help="The do-not-call list: who is never called.")
_keys = typer.Typer(no_args_is_help=True, help="API keys: who may ask over the network.")
_webhooks = typer.Typer(no_args_is_help=True, help="Webhooks: who is told, and what was sent.")

LimitOption = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]
NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="As people write it.")]


@group.command(rich_help_panel=Panel.OPERATE)
def why(
    context: typer.Context,
    about: Annotated[
        str | None, typer.Argument(metavar="QUEUE|ID", help="One queue or callback alone.")
    ] = None,
    *,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why nothing is dialing, and what to do about it.

    Examples: `kairos why`, `kairos why support`, `kairos why cb01kat5w9`
    """
    why_command.why(shell_of(context), config, about, as_json=as_json)


@group.command("top", rich_help_panel=Panel.OPERATE)
def top_(
    context: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    every: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between looks.")] = 1.0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch what goes on: carriers, queues, open calls, share answered, next due, holds, events.

    Ctrl-C ends it. Piped, or with --json, it looks once.

    Example: `kairos top --every 2`
    """
    top.top(shell_of(context), config, once=once, every=every, as_json=as_json)


@group.command("stop-all", rich_help_panel=Panel.OPERATE)
def stop_all(
    context: typer.Context,
    *,
    queue: Annotated[str | None, typer.Option(help="Stop this queue alone.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever comes later.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Begin no call any more: the panic button. Asks nothing, holds until `kairos resume`.

    Works with and without a running service, and holds after a restart. Calls under way go on.

    Example: `kairos stop-all --reason "fire alarm"`
    """
    holding.stop_all(shell_of(context), config, queue=queue, reason=reason, as_json=as_json)


@group.command(rich_help_panel=Panel.OPERATE)
def resume(
    context: typer.Context,
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="`all` or a queue; the only one.")
    ] = None,
    *,
    yes: YesOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let calls begin again. Says how many are due at once, and asks.

    Example: `kairos resume --yes`
    """
    holding.resume(shell_of(context), config, target, yes=yes, as_json=as_json)


@group.command(rich_help_panel=Panel.OPERATE)
def holds(
    context: typer.Context, *, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Show what is held, by whom, since when and why.

    Example: `kairos holds`
    """
    holding.holds(shell_of(context), config, as_json=as_json)


@group.command(rich_help_panel=Panel.OPERATE)
def audit(
    context: typer.Context, *, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Check that no callback is lost and nobody was called twice or too often.

    Ends with 1 if a promise was broken. May run beside the service at any time.

    Example: `kairos audit --json`
    """
    reading.audit(shell_of(context), config, as_json=as_json)


@_dnc.command("add")
def dnc_add(
    context: typer.Context,
    number: NumberArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why; name nobody.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Never call a number again. It holds at once.

    Example: `kairos dnc add "040 123 4567" --reason "asked so on the phone"`
    """
    listing.block(shell_of(context), config, number, reason=reason, as_json=as_json)


@_dnc.command("remove")
def dnc_remove(
    context: typer.Context,
    number: NumberArgument,
    *,
    yes: YesOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a number off the list. Asks first.

    Example: `kairos dnc remove "040 123 4567"`
    """
    listing.unblock(shell_of(context), config, number, yes=yes, as_json=as_json)


@_dnc.command("list")
def dnc_list(
    context: typer.Context,
    *,
    after: Annotated[str, typer.Option(metavar="NUMBER", help="Go on after this one.")] = "",
    limit: LimitOption = 50,
    config: ConfigOption = None,
    reveal: RevealOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the numbers that are never called.

    Example: `kairos dnc list --reveal`
    """
    listing.blocked(
        shell_of(context), config, after=after, limit=limit, reveal=reveal, as_json=as_json
    )


@_keys.command("create")
def keys_create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is.")],
    *,
    scope: Annotated[
        Scope, typer.Option(case_sensitive=False, help="What it may do; each includes the former.")
    ] = Scope.WRITE,
    expires: Annotated[str, typer.Option(metavar="WHEN", help="'in 90d'; left out: never.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key. It is shown this once.

    Example: `kairos keys create crm --scope write --expires "in 90d"`
    """
    listing.create_key(
        shell_of(context), config, name, scope=scope, expires=expires, as_json=as_json
    )


@_keys.command("list")
def keys_list(
    context: typer.Context, *, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List API keys, revoked and expired ones too.

    Example: `kairos keys list`
    """
    listing.keys(shell_of(context), config, as_json=as_json)


@_keys.command("revoke")
def keys_revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As in `kairos keys list`.")],
    *,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke an API key for good, within seconds.

    Example: `kairos keys revoke h3k9m2p5q8t4`
    """
    listing.revoke_key(shell_of(context), config, key_id, as_json=as_json)


@_webhooks.command("list")
def webhooks_list(
    context: typer.Context, *, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List webhooks. They are made over the API.

    Example: `kairos webhooks list`
    """
    listing.webhooks(shell_of(context), config, as_json=as_json)


@_webhooks.command("deliveries")
def webhooks_deliveries(
    context: typer.Context,
    webhook_id: Annotated[str, typer.Argument(metavar="ID", help="As in `kairos webhooks list`.")],
    *,
    limit: LimitOption = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was sent to one webhook, newest first.

    Example: `kairos webhooks deliveries wh01kat5w9`
    """
    listing.deliveries(shell_of(context), config, webhook_id, limit=limit, as_json=as_json)


group.add_typer(_dnc, name="dnc", rich_help_panel=Panel.OPERATE)
group.add_typer(_keys, name="keys", rich_help_panel=Panel.OPERATE)
group.add_typer(_webhooks, name="webhooks", rich_help_panel=Panel.OPERATE)
