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
        description="Measures kpol in clusters of e2e/cluster, and stops them at the end.")
    parser.add_argument("--pods", type=int, default=30, help="number of pod starts of each variant (30)")
    parser.add_argument("--trials", type=int, default=50,
                        help="number of policies that deny, and of policies that allow again (50)")
    parser.add_argument("--others", type=int, default=1000,
                        help="number of policies of other pods in the second run (1000)")
    parser.add_argument("--idle", type=int, default=60, help="seconds of the idle phase (60)")
    parser.add_argument("--storm", type=int, default=100,
                        help="number of pods to create and delete (100)")
    parser.add_argument("--many", type=int, default=10000,
                        help="number of pods for the memory of a large cluster (10000)")
    parser.add_argument("--part", choices=PARTS, action="append",
                        help="run only this part; may be repeated")
    parser.add_argument("--json", metavar="FILE", help="write figures and single values, in milliseconds")
    parser.add_argument("--keep", action="store_true",
                        help="keep kpol's cluster, or use a running one; without reference plugins")
    options = parser.parse_args()
    options.part = options.part or list(PARTS)
    return options


def leave(*_):
    """Stops the cluster at exit, without interruption by signals."""
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
    finally:  # keep what was measured before a failure
        report(options, found)
    log(f"{(time.monotonic() - begin) / 60:.1f} minutes")


main()
