#!/usr/bin/env python3
"""slowest.py FOLDER [N]: prints the N (10) slowest tests of the tests/run.sh run with results in FOLDER.

GoogleTest's programs leave one file each, with the time of every test. ctest.xml has what is no
program of GoogleTest's."""
import pathlib
import sys
import xml.etree.ElementTree as xml


def cases(file):
    for case in xml.parse(file).iter("testcase"):
        yield float(case.get("time") or 0), case.get("classname"), case.get("name")


def main():
    folder = pathlib.Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    programs = [file for file in folder.glob("*.xml") if file.name != "ctest.xml"]
    found = [(time, f"{suite}.{name}", file.stem) for file in programs for time, suite, name in cases(file)]
    ctest = folder / "ctest.xml"
    if ctest.exists():
        known = {file.stem for file in programs}
        found += [(time, name, "ctest") for time, _, name in cases(ctest) if name not in known]
    if not found:
        return
    print(f"The slowest {min(count, len(found))} of {len(found)} tests, in seconds:")
    for time, name, program in sorted(found, reverse=True)[:count]:
        print(f"{time:9.1f}  {name}  ({program})")


main()
