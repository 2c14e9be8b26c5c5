"""DuckDB: every column is read as text, so that each row can be told its reason; good and bad rows are two statements."""

import duckdb

from common import COLUMNS, answer, arguments
from sql import queries

args = arguments(["parquet", "jsonl"])
columns = ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS)
source = f"read_csv('{args.input}', header = true, auto_detect = false, delim = ',', quote = '\"', null_padding = true, columns = {{{columns}}})"
flights, rejects = queries(source, {"u8": "UTINYINT", "u16": "USMALLINT", "u32": "UINTEGER", "i32": "INTEGER"})
database = duckdb.connect()
form = "FORMAT parquet, COMPRESSION snappy" if args.format == "parquet" else "FORMAT json"
database.execute(f"COPY ({flights}) TO '{args.output}' ({form})")
database.execute(f"COPY ({rejects}) TO '{args.rejects}' (FORMAT json)")
reader = "read_parquet" if args.format == "parquet" else "read_json"
good, distance = database.execute(f"SELECT count(*), sum(distance)::BIGINT FROM {reader}('{args.output}')").fetchall()[0]
bad = dict(database.execute(f"SELECT reason, count(*) FROM read_json('{args.rejects}') GROUP BY reason").fetchall())
answer(args, good, distance, bad)
