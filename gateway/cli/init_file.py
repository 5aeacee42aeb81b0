"""The files that ``kairos init`` writes: a commented configuration, and the secret beside it."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Final

from gateway.cli.init_answers import Answers

__all__ = ["fresh_secret", "rendered", "secret_path", "write_private"]

_SECRET_BYTES: Final = 24
_TEXT: Final = """\
# Kairos. Every key is explained in docs/configuration.md; config/example.yaml has them all.
# A key that is not known is an error. Durations: 90s, 15m, 4h, 2d. Paths start at this folder.
# After a change: kairos check

data_dir: kairos-data # database and lock; back this folder up

default_country: {country} # how a number without + is read
numbers:
  countries: [{country}] # only these are called, against toll fraud
  # denied_prefixes: ["+35860"] # never called, however allowed the country is

carriers:
  {carrier}: # a name of your own
    type: asterisk
    host: {host}
    port: {port}
    username: {user} # needs read = call,system and write = originate,call,reporting
{secret}{tls}    channel: {channel} # {{number}}: +358401234567, {{digits}}: the same without +
{caller_id}    limits:
      calls_per_second: {rate} # below what trunk and PBX take
      concurrent_calls: 10
    routes:
      people: # where an answered person is put through
        context: {context}
        exten: {exten}
    # cel_file: /var/log/asterisk/cel-custom/kairos.csv # recommended, see docs/asterisk.md

queues:
  {queue}:
    carriers: [{carrier}]
    route: people
    # hours: {{mon-fri: "09:00-17:00"}} # your own hours, besides the law's, on the contact's clock
    retry_rules: standard # when to try again: standard or urgent, or a set of your own
    deadline: {deadline} # a callback not reached by then is closed as expired

# The API for CRMs and web forms; see docs/configuration.md
# api: {{host: 127.0.0.1, port: 8080}}

logging: {{level: info, format: json}}
"""


def rendered(answers: Answers, secret_file: Path | None) -> str:
    """Return the text of the configuration; ``secret_file`` relative to it where it lies beside."""
    if secret_file is not None:
        secret = f"    secret_file: {_quoted(str(secret_file))} # for its owner's eyes only\n"
    else:
        secret = f"    # the secret comes from the variable {answers.secret_from}\n"
    tls = f"    tls: {{cafile: {_quoted(str(answers.tls_ca))}}}\n" if answers.tls_ca else ""
    caller = (
        f"    caller_id: {_quoted(answers.caller_id)}\n"
        if answers.caller_id
        else "    # caller_id: '\"Example Ltd\" <+358912345678>' # left out: the trunk's own\n"
    )
    return _TEXT.format(
        **{
            key: _quoted(getattr(answers, key))
            for key in ("host", "user", "channel", "context", "exten", "country")
        },
        carrier=answers.carrier,
        queue=answers.queue,
        port=int(answers.port),
        rate=float(answers.rate),
        deadline=_quoted(answers.deadline),
        secret=secret,
        tls=tls,
        caller_id=caller,
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # also YAML


def fresh_secret() -> str:
    """Make up a password nobody has to type."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def secret_path(config: Path, answers: Answers) -> Path:
    """Return where the secret is written."""
    return config.parent / f"{answers.carrier}.secret"


def write_private(path: Path, text: str, *, replace: bool) -> None:
    """Write a file only its owner can read; at no moment is it there half or readable by others.

    Raises FileExistsError unless it may be replaced, and OSError.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            fresh.replace(path)
        else:
            os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
