"""Asterisk over AMI: panoramisk behind a guard."""

from adapters.asterisk.config import AsteriskSettings, Route, Secret
from adapters.asterisk.dialer import AsteriskDialer
from adapters.asterisk.probe import Probe, Target, probe

__all__ = [
    "AsteriskDialer",
    "AsteriskSettings",
    "Probe",
    "Route",
    "Secret",
    "Target",
    "probe",
]
