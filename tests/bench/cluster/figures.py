"""Percentiles, and tables as docs/benchmarks.md has them."""


def percentile(values, share):
    """The value below which the share lies; of few values the next one there is."""
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
