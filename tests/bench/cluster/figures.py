"""Percentiles, and tables in the format of docs/benchmarks.md."""


def percentile(values, share):
    """The percentile; with few values, the next higher value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * (len(ordered) - 1) + 0.5))]


def spread(values):
    return {"n": len(values), "min": min(values), "p50": percentile(values, 0.5),
            "p99": percentile(values, 0.99), "max": max(values)}


def table(head, rows):
    lines = [head, ["---"] * len(head)] + rows
    print("\n" + "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines),
          flush=True)


def load():
    with open("/proc/loadavg", encoding="ascii") as file:
        return float(file.read().split()[0])


def load_text(result):
    return " to ".join(f"{value:.1f}" for value in result["load"])
