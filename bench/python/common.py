"""What the programs of the job have in common: how they are called, what they print, and the columns."""

import argparse
import json
import os
import shutil
import time

NUMBERS = {
    "year": "u16", "month": "u8", "day": "u8", "dep_time": "u16", "sched_dep_time": "u16", "dep_delay": "i32",
    "arr_time": "u16", "sched_arr_time": "u16", "arr_delay": "i32", "flight": "u32", "air_time": "u32",
    "distance": "i32", "hour": "u8", "minute": "u8",
}
OPTIONAL = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "tailnum"}
COLUMNS = [
    "year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay",
    "carrier", "flight", "tailnum", "origin", "dest", "air_time", "distance", "hour", "minute", "time_hour",
]
TIMES = ["dep_time", "sched_dep_time", "arr_time", "sched_arr_time"]


def arguments(formats):
    """`PROGRAM INPUT OUTPUT REJECTS FORMAT [--records N]`"""
    parser = argparse.ArgumentParser()
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("rejects")
    parser.add_argument("format", choices=formats)
    parser.add_argument("--records", type=int, help="read so many records only, where the program is slow")
    args = parser.parse_args()
    for path in (args.output, args.rejects):
        if os.path.isfile(path):
            os.remove(path)
        elif os.path.isdir(path):
            shutil.rmtree(path)
    args.begun, args.begun_cpu = time.perf_counter(), time.process_time()
    return args


def answer(args, good, sum_distance, bad):
    """Prints the last line."""
    seconds = time.perf_counter() - args.begun
    cpu_seconds = time.process_time() - args.begun_cpu  # of all threads
    peak = 0
    try:
        with open("/proc/self/status") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except OSError:
        pass
    print(json.dumps({
        "records": good + sum(bad.values()),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_kib": peak,
        "good": good,
        "sum_distance": sum_distance,
        "bad": dict(sorted(bad.items())),
    }))
