"""A simulated PBX: speaks AMI as Asterisk 22 was seen to, and takes its people from a world.

In process: ``async with SimulatedPbx(world) as pbx``. As a process of its own:
``python -m adapters.lab.simpbx --help``.
"""

from adapters.lab.simpbx.evidence import WireLine, read_wire, wire_calls
from adapters.lab.simpbx.pbx import SimulatedPbx
from adapters.lab.simpbx.users import AmiUser, EventFilter, users_from_conf

__all__ = [
    "AmiUser",
    "EventFilter",
    "SimulatedPbx",
    "WireLine",
    "read_wire",
    "users_from_conf",
    "wire_calls",
]
