"""DataFusion SQL: every column is read as text, so that each row can be told its reason; good and bad rows are two statements."""

from datafusion import SessionContext

from common import COLUMNS, answer, arguments
from sql import queries

args = arguments(["parquet", "jsonl"])
context = SessionContext()
columns = ", ".join(f"{name} VARCHAR" for name in COLUMNS)
context.sql(f"""CREATE EXTERNAL TABLE raw ({columns}) STORED AS CSV LOCATION '{args.input}'
    OPTIONS ('format.has_header' 'true', 'format.truncated_rows' 'true')""").collect()
flights, rejects = queries("raw", {"u8": "TINYINT UNSIGNED", "u16": "SMALLINT UNSIGNED", "u32": "INT UNSIGNED", "i32": "INT"})
form = "STORED AS PARQUET OPTIONS ('format.compression' 'snappy')" if args.format == "parquet" else "STORED AS JSON"
context.sql(f"COPY ({flights}) TO '{args.output}' {form}").collect()
context.sql(f"COPY ({rejects}) TO '{args.rejects}' STORED AS JSON").collect()
form = "PARQUET" if args.format == "parquet" else "JSON"
context.sql(f"CREATE EXTERNAL TABLE done STORED AS {form} LOCATION '{args.output}'").collect()
context.sql(f"CREATE EXTERNAL TABLE rejected STORED AS JSON LOCATION '{args.rejects}'").collect()
done = context.sql("SELECT count(*) AS n, sum(CAST(distance AS BIGINT)) AS d FROM done").to_pydict()
rejected = context.sql("SELECT reason, count(*) AS n FROM rejected GROUP BY reason").to_pydict()
answer(args, done["n"][0], done["d"][0], dict(zip(rejected["reason"], rejected["n"])))
