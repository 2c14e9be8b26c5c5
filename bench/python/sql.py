"""The job in SQL, for engines that have TRY_CAST; they name their types differently."""

from common import COLUMNS, NUMBERS, OPTIONAL, TIMES


def given(name):
    """The text of a column, null where `NA` means none."""
    return f"nullif({name}, 'NA')" if name in OPTIONAL else name


def queries(source, types):
    """What is asked of `source`, whose columns are texts: with reasons, the flights, the rejects."""
    typed = {name: f"try_cast({given(name)} AS {types[kind]})" for name, kind in NUMBERS.items()}
    columns = ", ".join(f"{typed.get(name, given(name))} AS {name}_" for name in COLUMNS)
    bad_number = " OR ".join(f"({name}_ IS NULL AND {given(name)} IS NOT NULL)" for name in NUMBERS)
    bad_time = " OR ".join(f"({name}_ > 2400 OR {name}_ % 100 > 59)" for name in TIMES)
    judged = f"""
        SELECT *, CASE WHEN time_hour IS NULL OR time_hour = '' THEN 'missing_column' WHEN {bad_number} THEN 'bad_number'
            WHEN {bad_time} THEN 'bad_time' WHEN carrier IS NULL OR carrier = '' THEN 'no_carrier'
            WHEN distance_ <= 0 THEN 'bad_distance' WHEN dep_delay_ NOT BETWEEN -120 AND 1440 THEN 'bad_delay' END AS reason
        FROM (SELECT {", ".join(COLUMNS)}, {columns} FROM {source}) AS typed"""
    flights = f"""
        SELECT {", ".join(f"{name}_ AS {name}" for name in COLUMNS)}, origin || '-' || dest AS route,
            dep_delay_ - arr_delay_ AS gained, CASE WHEN air_time_ > 0 THEN distance_ * CAST(60.0 AS DOUBLE) / air_time_ END AS speed_mph
        FROM ({judged}) AS judged WHERE reason IS NULL"""
    rejects = f"SELECT {', '.join(COLUMNS)}, reason FROM ({judged}) AS judged WHERE reason IS NOT NULL"
    return flights, rejects
