#!/usr/bin/env python3
"""tests/bench/cluster.sh: kpol in a real cluster; see docs/benchmarks.md."""
import argparse
import json
import os
import signal
import sys
import time

import costs
import effects
import many
import starts
from cluster import Cluster, log

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PARTS = {"costs": costs, "starts": starts, "effects": effects, "many": many}


def arguments():
    parser = argparse.ArgumentParser(
        prog="tests/bench/cluster.sh",
        description="Measures kpol in clusters of e2e/cluster, which are taken down again.")
    parser.add_argument("--pods", type=int, default=30, help="pod starts of each variant (30)")
    parser.add_argument("--trials", type=int, default=50,
                        help="policies applied that forbid, and as many that allow again (50)")
    parser.add_argument("--others", type=int, default=1000,
                        help="policies of other pods that are there when this is done again (1000)")
    parser.add_argument("--idle", type=int, default=60, help="seconds without anything (60)")
    parser.add_argument("--storm", type=int, default=100, help="pods that come and go (100)")
    parser.add_argument("--many", type=int, default=10000,
                        help="pods of a large cluster, for the memory (10000)")
    parser.add_argument("--part", choices=PARTS, action="append",
                        help="only this; may be repeated")
    parser.add_argument("--json", metavar="FILE", help="figures and single values, in milliseconds")
    parser.add_argument("--keep", action="store_true",
                        help="leave kpol's cluster up, or use one that runs; no reference plugins")
    options = parser.parse_args()
    options.part = options.part or list(PARTS)
    return options


def leave(*_):
    """Everything is taken down on the way out, which nothing is to interrupt."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(1)


def measure(options, found):
    folder = os.environ.get("KPOL_CLUSTER", "/var/tmp/kpol-bench")
    with Cluster(folder, "kpol", options.keep) as cluster:
        if "costs" in options.part:  # while there are few pods
            found["costs"] = costs.measure(cluster, options.storm, options.idle)
        if "starts" in options.part:
            found["starts"] = [starts.with_kpol(cluster, options.pods)]
        if "effects" in options.part:
            found["effects"] = effects.measure(cluster, options.trials, options.others)
        if "many" in options.part:
            found["many"] = many.measure(cluster, options.many)
    if "starts" in options.part and not options.keep:
        with Cluster(folder, "ptp", False) as cluster:
            found["starts"].append(starts.with_ptp(cluster, options.pods))


def report(options, found):
    figures = {"machine": {"kernel": os.uname().release, "cpus": os.cpu_count()}}
    for name, measured in found.items():
        figures[name] = {"summary": PARTS[name].report(measured), "measured": measured}
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump(figures, file, indent=1)
            file.write("\n")


def main():
    options = arguments()
    for number in SIGNALS:
        signal.signal(number, leave)
    begin = time.monotonic()
    found = {}
    try:
        measure(options, found)
    finally:  # what was measured before something failed is worth its minutes
        report(options, found)
    log(f"{(time.monotonic() - begin) / 60:.1f} minutes")


main()
