"""Polars, streaming: every column is read as text, so that each row can be told its reason."""

import polars as pl

from common import COLUMNS, NUMBERS, OPTIONAL, TIMES, answer, arguments

TYPES = {"u8": pl.UInt8, "u16": pl.UInt16, "u32": pl.UInt32, "i32": pl.Int32}

args = arguments(["parquet", "jsonl"])
raw = pl.scan_csv(args.input, infer_schema=False, empty_string_is_null=False, quote_char='"', n_rows=args.records)


def given(name):
    """The text of a column, null where `NA` means none."""
    column = pl.col(name)
    return pl.when(column != "NA").then(column) if name in OPTIONAL else column


typed = {name: given(name).cast(TYPES[kind], strict=False) for name, kind in NUMBERS.items()}
bad_number = pl.any_horizontal(typed[name].is_null() & given(name).is_not_null() for name in NUMBERS)
bad_time = pl.any_horizontal((typed[name] > 2400) | (typed[name] % 100 > 59) for name in TIMES)
reason = (
    # A line that is too short ends in an empty text.
    pl.when((pl.col("time_hour") == "") | pl.col("time_hour").is_null()).then(pl.lit("missing_column"))
    .when(bad_number).then(pl.lit("bad_number"))
    .when(bad_time.fill_null(False)).then(pl.lit("bad_time"))
    .when(pl.col("carrier") == "").then(pl.lit("no_carrier"))
    .when(typed["distance"] <= 0).then(pl.lit("bad_distance"))
    .when(~typed["dep_delay"].is_between(-120, 1440)).then(pl.lit("bad_delay"))
)
judged = raw.with_columns(reason=reason)
flights = (
    judged.filter(pl.col("reason").is_null())
    .select(typed.get(name, given(name)).alias(name) for name in COLUMNS)
    .with_columns(
        route=pl.concat_str("origin", "dest", separator="-"),
        gained=pl.col("dep_delay") - pl.col("arr_delay"),
        speed_mph=pl.when(pl.col("air_time") > 0).then(pl.col("distance") * 60.0 / pl.col("air_time")),
    )
)
sink = flights.sink_parquet(args.output, compression="snappy", lazy=True) if args.format == "parquet" else flights.sink_ndjson(args.output, lazy=True)
rejects = judged.filter(pl.col("reason").is_not_null())
_, rejects = pl.collect_all([sink, rejects], engine="streaming")
rejects.write_ndjson(args.rejects)
done = pl.scan_parquet(args.output) if args.format == "parquet" else pl.scan_ndjson(args.output)
good, distance = done.select(pl.len(), pl.col("distance").cast(pl.Int64).sum()).collect(engine="streaming").row(0)
answer(args, good, distance, dict(rejects.group_by("reason").len().iter_rows()))
