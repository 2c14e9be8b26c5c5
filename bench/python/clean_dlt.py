"""dlt, to Parquet files in a folder."""

import csv
import itertools
import json
import os
import shutil

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")

import dlt

from common import COLUMNS, NUMBERS, answer, arguments
from rows import Rejected, clean

args = arguments(["parquet"])
# Without these dlt looks for times in the texts.
TYPES = {name: {"data_type": "bigint" if name in NUMBERS else "text"} for name in COLUMNS}
TYPES |= {"route": {"data_type": "text"}, "gained": {"data_type": "bigint"}, "speed_mph": {"data_type": "double"}}
bad, sums = {}, {"good": 0, "distance": 0}


@dlt.resource(name="flights", write_disposition="replace", columns=TYPES)
def flights():
    with open(args.input, newline="", encoding="utf-8") as file, open(args.rejects, "w", encoding="utf-8") as rejects:
        rows = csv.reader(file)
        next(rows)
        numbered = itertools.islice(enumerate(rows, 2), args.records)
        while batch := list(itertools.islice(numbered, 500)):
            good = []
            for line, fields in batch:
                try:
                    good.append(clean(fields))
                except Rejected as rejected:
                    reason = str(rejected)
                    bad[reason] = bad.get(reason, 0) + 1
                    rejects.write(json.dumps({"line": line, "reason": reason, "record": ",".join(fields)}) + "\n")
            sums["good"] += len(good)
            sums["distance"] += sum(flight["distance"] for flight in good)
            yield good


folder = os.path.abspath(args.output)
state = f"{folder}.state"
shutil.rmtree(state, ignore_errors=True)
pipeline = dlt.pipeline("clean", destination=dlt.destinations.filesystem(f"file://{folder}"), dataset_name="clean", pipelines_dir=state)
pipeline.run(flights(), loader_file_format="parquet")
answer(args, sums["good"], sums["distance"], bad)
shutil.rmtree(state)
