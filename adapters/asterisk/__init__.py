"""Asterisk over AMI: panoramisk behind a guard."""

from adapters.asterisk.config import AsteriskSettings, Route, Secret
from adapters.asterisk.dialer import AsteriskDialer

__all__ = ["AsteriskDialer", "AsteriskSettings", "Route", "Secret"]
