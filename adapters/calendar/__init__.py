"""Holidays and time zones behind the calendar port."""
