"""Public holidays."""

from adapters.calendar.holidays_calendar import HolidaysCalendar

__all__ = ["HolidaysCalendar"]
