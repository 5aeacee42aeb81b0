"""Asterisk over AMI: panoramisk behind a guard."""
