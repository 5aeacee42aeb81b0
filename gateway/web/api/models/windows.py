"""Times that suit a contact, as people say them: Monday to Friday, 09:00 to 17:30."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gateway.domain.model import PreferredWindow
from gateway.web.api.schema import In, Out

__all__ = ["MOST_WINDOWS", "Window", "WindowRequest"]

MOST_WINDOWS: Final = 50
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_DAYS: Final[tuple[Weekday, ...]] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
_EVERY_DAY: Final = frozenset(range(7))
_HOUR: Final = 60
Clock = Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


class WindowRequest(In):
    """A time that suits the contact, by the contact's own clock."""

    weekdays: list[Weekday] = Field(
        default_factory=list,
        max_length=7,
        description="On these days; leave out for every day.",
        examples=[["monday", "thursday"]],
    )
    start: Clock = Field(description="From this time of the day on.", examples=["09:00"])
    end: Clock = Field(description="Until this time; 24:00 is midnight.", examples=["17:30"])

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if _minute(self.start) >= _minute(self.end):
            raise PydanticCustomError(
                "window", "must end after it starts; cut a night in two at midnight"
            )
        return self

    def window(self) -> PreferredWindow:
        """Return what the rules understand."""
        return PreferredWindow(
            weekdays=frozenset(_DAYS.index(day) for day in self.weekdays) or _EVERY_DAY,
            start_minute=_minute(self.start),
            end_minute=_minute(self.end),
        )


class Window(Out):
    """A time that suits the contact, by the contact's own clock."""

    weekdays: list[Weekday]
    start: str
    end: str

    @classmethod
    def of(cls, window: PreferredWindow) -> Self:
        """Write a window down."""
        return cls(
            weekdays=[_DAYS[day] for day in sorted(window.weekdays)],
            start=_clock(window.start_minute),
            end=_clock(window.end_minute),
        )


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * _HOUR + int(minutes)


def _clock(minute: int) -> str:
    return f"{minute // _HOUR:02}:{minute % _HOUR:02}"
