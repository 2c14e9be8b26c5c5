"""The job on one row, in plain Python."""

from common import COLUMNS, NUMBERS, OPTIONAL, TIMES

LIMITS = {"u8": (0, 2**8 - 1), "u16": (0, 2**16 - 1), "u32": (0, 2**32 - 1), "i32": (-(2**31), 2**31 - 1)}
PLAN = [(name, LIMITS.get(NUMBERS.get(name)), name in OPTIONAL) for name in COLUMNS]


class Rejected(Exception):
    """The reason is its text."""


def clean(fields):
    """The flight of a split line, or Rejected."""
    if len(fields) != len(PLAN):
        raise Rejected("missing_column")
    flight = {}
    for (name, limits, optional), text in zip(PLAN, fields):
        if optional and text == "NA":
            flight[name] = None
        elif limits is None:
            flight[name] = text
        else:
            try:
                number = int(text)
            except ValueError:
                raise Rejected("bad_number") from None
            if not limits[0] <= number <= limits[1]:
                raise Rejected("bad_number")
            flight[name] = number
    for name in TIMES:
        time = flight[name]
        if time is not None and (time > 2400 or time % 100 > 59):
            raise Rejected("bad_time")
    if not flight["carrier"]:
        raise Rejected("no_carrier")
    if flight["distance"] <= 0:
        raise Rejected("bad_distance")
    delay, arrival, minutes = flight["dep_delay"], flight["arr_delay"], flight["air_time"]
    if delay is not None and not -120 <= delay <= 1440:
        raise Rejected("bad_delay")
    flight["route"] = flight["origin"] + "-" + flight["dest"]
    flight["gained"] = None if delay is None or arrival is None else delay - arrival
    flight["speed_mph"] = flight["distance"] * 60.0 / minutes if minutes else None
    return flight
