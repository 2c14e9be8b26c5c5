"""Plain asyncio: a reader, a cleaner and a writer with queues between them, 500 records a message."""

import asyncio
import csv
import itertools
import json

import pyarrow as pa
import pyarrow.parquet as pq

from common import COLUMNS, NUMBERS, answer, arguments
from rows import Rejected, clean

BATCH = 500
TYPES = {"u8": pa.uint8(), "u16": pa.uint16(), "u32": pa.uint32(), "i32": pa.int32()}
SCHEMA = pa.schema(
    [(name, TYPES[NUMBERS[name]] if name in NUMBERS else pa.string()) for name in COLUMNS]
    + [("route", pa.string()), ("gained", pa.int32()), ("speed_mph", pa.float64())]
)


async def read(path, records, out):
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        numbered = itertools.islice(enumerate(rows, 2), records)
        while batch := list(itertools.islice(numbered, BATCH)):
            await out.put(batch)
    await out.put(None)


async def transform(rows, out, rejects, bad):
    while (batch := await rows.get()) is not None:
        flights = []
        for line, fields in batch:
            try:
                flights.append(clean(fields))
            except Rejected as rejected:
                reason = str(rejected)
                bad[reason] = bad.get(reason, 0) + 1
                rejects.write(json.dumps({"line": line, "reason": reason, "record": ",".join(fields)}) + "\n")
        await out.put(flights)
    await out.put(None)


async def write(flights, args, sums):
    if args.format == "parquet":
        file = pq.ParquetWriter(args.output, SCHEMA, compression="snappy")
        waiting = []
        while (batch := await flights.get()) is not None:
            sums["good"] += len(batch)
            sums["distance"] += sum(flight["distance"] for flight in batch)
            waiting += batch
            if len(waiting) >= 131_072:
                file.write_table(pa.Table.from_pylist(waiting, schema=SCHEMA))
                waiting = []
        file.write_table(pa.Table.from_pylist(waiting, schema=SCHEMA))
        file.close()
        return
    with open(args.output, "w", encoding="utf-8") as file:
        while (batch := await flights.get()) is not None:
            sums["good"] += len(batch)
            sums["distance"] += sum(flight["distance"] for flight in batch)
            file.write("".join(json.dumps(flight, separators=(",", ":")) + "\n" for flight in batch))


async def main():
    args = arguments(["parquet", "jsonl"])
    rows, flights = asyncio.Queue(16), asyncio.Queue(16)
    bad, sums = {}, {"good": 0, "distance": 0}
    with open(args.rejects, "w", encoding="utf-8") as rejects:
        await asyncio.gather(read(args.input, args.records, rows), transform(rows, flights, rejects, bad), write(flights, args, sums))
    answer(args, sums["good"], sums["distance"], bad)


asyncio.run(main())
