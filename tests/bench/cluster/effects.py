"""From `kubectl apply` of a policy to its effect on packets between two nodes.

A pod sends a datagram every millisecond, each the first of a flow, to two ports of a pod on the other
node. A policy forbids the one port, another allows it again; the other port is always allowed, and
says which datagrams were sent at all. A verdict is thus known for each millisecond.
"""
import bisect
import calendar
import collections
import json
import re
import subprocess
import time

from cluster import ALLOWED as OPEN, FORBIDDEN as JUDGED, log, wait_for
from figures import load, load_text, spread, table

SERVER = {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"]}
CLIENT = {"podSelector": {"matchLabels": {"app": "client"}}}
SPECS = {"deny": {**SERVER, "ingress": [{"ports": [{"protocol": "UDP", "port": OPEN}]}]},
         "allow": {**SERVER, "ingress": [{"from": [CLIENT]}]}}
WRITE = re.compile(r'^I(\d{4} \d\d:\d\d:\d\d)\.(\d{6}) .*"Response" verb="(?:POST|PATCH)"', re.MULTILINE)
POLICIES = "/apis/networking.k8s.io/v1/namespaces/bench-effect/networkpolicies"


class Verdicts:
    """The verdict on each datagram that was sent, by its number."""

    def __init__(self, arrivals):
        self.arrivals = arrivals
        self.sent, self.passed = {}, set()
        self.last = collections.deque(maxlen=150)

    def read(self):
        for _, port, _, number, _, sent in self.arrivals.read():
            if port == OPEN:
                self.sent[number] = sent
                self.last.append(number)
            else:
                self.passed.add(number)

    def settled(self, allowed):
        """Whether the last datagrams that cannot be in transit any more all have this verdict."""
        self.read()
        arrived = [n for n in self.last if self.sent[n] < time.time() - 0.05]
        return len(arrived) > 50 and all((n in self.passed) == allowed for n in arrived)

    def in_order(self):
        return sorted((sent, number in self.passed) for number, sent in self.sent.items())


def apply(cluster, kind):
    """One run of kubectl: when it started, when the API server responded to the write, when it exited."""
    begun = time.time()
    said = cluster.kubectl("apply", "-v=6", "-f", str(cluster.scratch / f"{kind}.json"),
                           stderr=subprocess.STDOUT)
    ended = time.time()
    found = WRITE.search(said)
    if not found:
        raise RuntimeError(f"kubectl does not tell when it was answered:\n{said}")
    at = time.strptime(f"{time.gmtime(begun).tm_year}{found[1]}", "%Y%m%d %H:%M:%S")
    answered = calendar.timegm(at) + int(found[2]) / 1e6
    if not begun <= answered <= ended:
        raise RuntimeError(f"response at {answered}, not between {begun} and {ended}")
    return {"kind": kind, "begun": begun, "answered": answered, "ended": ended}


def judge(trial, verdicts):
    """The effect: the first datagram with the new verdict; no later one may have the old verdict."""
    new = trial["kind"] == "allow"
    at = next((i for i, (_, verdict) in enumerate(verdicts) if verdict == new), None)
    if not at:
        raise RuntimeError(f"no change of verdict seen: {trial}")
    effect = verdicts[at][0]
    trial.update(kubectl_ms=(trial["ended"] - trial["begun"]) * 1e3,
                 from_begin_ms=(effect - trial["begun"]) * 1e3,
                 from_answer_ms=(effect - trial["answered"]) * 1e3,
                 resolution_ms=(effect - verdicts[at - 1][0]) * 1e3,
                 wrong=sum(verdict != new for _, verdict in verdicts[at:]), probes=len(verdicts))
    return trial


def trials(cluster, verdicts, count):
    before, done = load(), []
    for kind in ("deny", "allow") * count:
        trial = apply(cluster, kind)
        done.append(trial)
        wait_for(30, f"the effect of {kind}", lambda: verdicts.settled(kind == "allow"))
        time.sleep(0.1)
        if kind == "allow":  # after both are deleted, everything is allowed
            for name in ("deny", "allow"):
                cluster.api("DELETE", f"{POLICIES}/{name}")
            time.sleep(0.4)
    end = time.time()
    time.sleep(0.2)
    verdicts.read()
    seen = verdicts.in_order()
    bounds = [bisect.bisect(seen, (t,)) for t in [trial["begun"] for trial in done] + [end]]
    for trial, first, last in zip(done, bounds, bounds[1:]):
        judge(trial, seen[first:last])
    numbers = [n for n, sent in verdicts.sent.items() if done[0]["begun"] <= sent < end]
    return {"load": [before, load()], "trials": done,
            "unknown": max(numbers) - min(numbers) + 1 - len(numbers)}


def add_others(cluster, count, per_namespace=10):
    for number in range(count):
        namespace = f"bench-other-{number // per_namespace}"
        if number % per_namespace == 0:
            cluster.namespace(namespace)
        cluster.policy(namespace, f"p{number}", {
            "podSelector": {"matchLabels": {"app": f"a{number}"}},
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": f"b{number}"}}}],
                         "ports": [{"port": 8080}]}]})
    cluster.settle()


def event_to_kernel(cluster):
    """From kpold's metrics on the server's node: the number of events, and their total seconds."""
    text = cluster.on_node(cluster.nodes[1], "curl", "-s", "http://127.0.0.1:9464/metrics")
    return [float(re.search(rf"^kpold_event_to_kernel_duration_seconds_{what} (\S+)", text, re.M)[1])
            for what in ("count", "sum")]


def measure(cluster, count, others):
    cluster.namespace("bench-effect")
    near, far = cluster.nodes
    for kind, spec in SPECS.items():
        (cluster.scratch / f"{kind}.json").write_text(json.dumps({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"namespace": "bench-effect", "name": kind}, "spec": spec}))
    address, arrivals = cluster.collector("bench-effect", "server", far, {"app": "server"})
    cluster.pod("bench-effect", "client", near,
                ["probe", "stream", "1", "0", address, str(OPEN), str(JUDGED)], {"app": "client"})
    verdicts = Verdicts(arrivals)
    wait_for(60, "traffic", lambda: verdicts.settled(True))
    time.sleep(5)
    results = {}
    for name, number in {"alone": 0, **({"others": others} if others else {})}.items():
        log(f"{count} times kubectl apply" + (f", {number} other policies present" if number else ""))
        add_others(cluster, number)
        before = event_to_kernel(cluster)
        result = results[name] = trials(cluster, verdicts, count)
        events, seconds = (b - a for a, b in zip(before, event_to_kernel(cluster)))
        result.update(others=number, kpold_event_to_kernel_ms=seconds / events * 1e3)
    return results


def report(results):
    summary, rows = {}, []
    for name, result in results.items():
        summary[name] = {}
        for kind in ("deny", "allow"):
            chosen = [t for t in result["trials"] if t["kind"] == kind]
            of = summary[name][kind] = {what: spread([t[what] for t in chosen]) for what in (
                "kubectl_ms", "from_begin_ms", "from_answer_ms", "resolution_ms")}
            of["wrong"] = sum(t["wrong"] for t in chosen)
            of["probes"] = sum(t["probes"] for t in chosen)
            rows.append([f"{kind}, {result['others']:,} others", len(chosen)] + [
                " / ".join(f"{of[what][p]:.1f}" for p in ("p50", "p99", "max"))
                for what in ("kubectl_ms", "from_begin_ms", "from_answer_ms", "resolution_ms")] + [
                    f"{of['wrong']} of {of['probes']:,}"])
        summary[name].update({k: v for k, v in result.items() if k != "trials"})
    table(["p50 / p99 / max, ms", "times", "kubectl apply", "its start to the effect",
           "API server's response to the effect", "between two packets",
           "wrong verdicts after the effect"], rows)
    for result in results.values():
        early = sum(t["from_begin_ms"] < t["kubectl_ms"] for t in result["trials"])
        print(f"{result['others']:,} others: in effect before kubectl had exited {early} of "
              f"{len(result['trials'])} times; kpold, from its store to the kernel, mean "
              f"{result['kpold_event_to_kernel_ms']:.2f} ms; datagrams with unknown verdict: "
              f"{result['unknown']}; load {load_text(result)}")
    return summary
