"""The cost of kpold on each node: memory, and CPU when idle and while pods are created and deleted."""
import os
import time

from cluster import log
from figures import load, load_text, table

PROGRAMS = ("kpold", "kubelet", "containerd")


def text_of(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def processes(cluster):
    """{node: {program: pid}}: a node's programs are in its network namespace, and this machine's."""
    nodes = {cluster.on_node(node, "readlink", "/proc/self/ns/net").strip(): node
             for node in cluster.nodes}
    found = {node: {} for node in cluster.nodes}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            program = text_of(f"/proc/{pid}/comm").strip()
            node = nodes.get(os.readlink(f"/proc/{pid}/ns/net"))
        except OSError:
            continue  # it has exited
        if node and program in PROGRAMS:
            found[node][program] = int(pid)
    for node, programs in found.items():
        if len(programs) != len(PROGRAMS):
            raise RuntimeError(f"{node} runs only {programs}")
    return found


def cpu_ms(pid):
    """The scheduler's count in nanoseconds; /proc/PID/stat has only hundredths of seconds."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            total += int(text_of(f"/proc/{pid}/task/{thread}/schedstat").split()[0])
        except OSError:
            pass
    return total / 1e6


def memory_mib(pid):
    fields = {}
    for file, names in (("status", ("VmRSS", "VmHWM", "RssAnon", "RssFile")),
                        ("smaps_rollup", ("Pss",))):
        for line in text_of(f"/proc/{pid}/{file}").splitlines():
            name, _, value = line.partition(":")
            if name in names:
                fields[name] = int(value.split()[0]) / 1024
    return fields


MEMORY_HEAD = ("RSS, MiB", "anonymous", "peak RSS")


def memory_cells(memory):
    return [f"{memory[name]:.1f}" for name in ("VmRSS", "RssAnon", "VmHWM")]


def forget_peak(pid):
    """Resets VmHWM, the peak of memory."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def watched(running, act):
    """The cost of the programs of each node while act ran, with the peak of memory since it began."""
    before = {node: {p: cpu_ms(pid) for p, pid in programs.items()}
              for node, programs in running.items()}
    for programs in running.values():
        forget_peak(programs["kpold"])
    begin, loads = time.monotonic(), [load()]
    act()
    seconds = time.monotonic() - begin
    return {"seconds": seconds, "load": loads + [load()], "nodes": {
        node: {"cpu_ms": {p: cpu_ms(pid) - before[node][p] for p, pid in programs.items()},
               "memory_mib": memory_mib(programs["kpold"])}
        for node, programs in running.items()}}


def make_storm(cluster):
    cluster.namespace("bench-storm")
    ours = [{"podSelector": {"matchLabels": {"app": "storm"}}}]
    cluster.policy("bench-storm", "among-themselves", {
        "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": ours, "ports": [{"port": 8080}]}], "egress": [{"to": ours}]})
    cluster.api("POST", "/apis/apps/v1/namespaces/bench-storm/deployments", {
        "metadata": {"name": "storm"}, "spec": {
            "replicas": 0, "selector": {"matchLabels": {"app": "storm"}}, "template": {
                "metadata": {"labels": {"app": "storm"}}, "spec": {
                    # Not 0: the object of such a Pod is deleted before the node has stopped it.
                    "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False,
                    "containers": [{"name": "c", "image": "registry.local/test:1",
                                    "imagePullPolicy": "Never"}]}}}})


def storm(cluster, pods):
    of = ("-n", "bench-storm")
    cluster.kubectl(*of, "scale", "deployment/storm", f"--replicas={pods}")
    cluster.kubectl(*of, "rollout", "status", "deployment/storm", "--timeout=240s")
    cluster.kubectl(*of, "scale", "deployment/storm", "--replicas=0")
    cluster.kubectl(*of, "wait", "--for=delete", "pods", "--all", "--timeout=240s")
    time.sleep(5)  # until its effects have ended


def measure(cluster, pods, idle):
    make_storm(cluster)
    time.sleep(10)
    running = processes(cluster)
    log(f"{idle} seconds of nothing")
    phases = {"idle": watched(running, lambda: time.sleep(idle))}
    log(f"{pods} pods created and deleted")
    phases["storm"] = watched(running, lambda: storm(cluster, pods))
    log(f"{idle / 2:.0f} seconds of nothing")
    phases["after"] = watched(running, lambda: time.sleep(idle / 2))
    if processes(cluster) != running:
        raise RuntimeError("a program has been restarted")
    return {"pods": pods, "phases": phases}


def report(result):
    rows, summary = [], {}
    for name, phase in result["phases"].items():
        storm_pods = result["pods"] if name == "storm" else None
        what = f"{storm_pods} pods created and deleted" if storm_pods else name
        for node, of in phase["nodes"].items():
            cpu, memory = of["cpu_ms"], of["memory_mib"]
            figures = (cpu["kpold"], cpu["kubelet"] + cpu["containerd"])
            if storm_pods:
                used = [f"{ms / storm_pods:.2f} ms per pod" for ms in figures]
            else:
                used = [f"{ms / phase['seconds'] / 10:.2f} %" for ms in figures]
            rows.append([f"{what}, {phase['seconds']:.0f} s", node, *used, *memory_cells(memory)])
            summary.setdefault(name, {})[node] = {
                "kpold_cpu_ms": cpu["kpold"], "seconds": phase["seconds"], **memory}
    table(["kpold", "node", "CPU", "kubelet and containerd", *MEMORY_HEAD], rows)
    for name, phase in result["phases"].items():
        print(f"{name}: load {load_text(phase)}")
    return summary
