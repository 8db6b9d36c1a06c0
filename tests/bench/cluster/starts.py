"""From the creation of a Pod to its first packet at a peer on the other node.

A pod's process sends a datagram every millisecond from its first instant, each from another port, to
two ports of the peer. Where policy holds it allows the first port and not the second, so the same pod
shows that no allowed packet is lost and that no forbidden one gets through.
"""
import json
import time

from cluster import ALLOWED, FORBIDDEN, log, wait_for
from figures import load, load_text, percentile, spread, table

DATAGRAMS = 200

BOTH = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
PEERS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "bench-peers"}},
         "podSelector": {"matchLabels": {"app": "peer"}}}
ALLOW_PEERS = {**BOTH, "ingress": [{"from": [PEERS]}],
               "egress": [{"to": [PEERS], "ports": [{"protocol": "UDP", "port": ALLOWED}]}]}


class Peers:
    """A collector on each node; a pod's peer is the collector of the other node."""

    def __init__(self, cluster):
        cluster.namespace("bench-peers")
        self.of = {}
        for node, other in zip(cluster.nodes, reversed(cluster.nodes)):
            self.of[node] = cluster.collector("bench-peers", f"on-{other}", other, {"app": "peer"})


def start(cluster, peers, namespace, name, node):
    """One pod, from its creation until all its packets have arrived or are lost."""
    address, arrivals = peers.of[node]
    seen = {ALLOWED: {}, FORBIDDEN: {}}
    begun = None

    def is_done():
        nonlocal begun
        for arrived, port, pod, number, began, _ in arrivals.read():
            if pod == name:
                seen[port][number] = arrived
                begun = began
        return begun and time.time() > begun + 0.3 and (
            DATAGRAMS - 1 in seen[ALLOWED] or time.time() > begun + 2)

    asked = time.time()
    cluster.pod(namespace, name, node,
                ["probe", "stream", "1", str(DATAGRAMS), address, str(ALLOWED), str(FORBIDDEN)])
    created = time.time()
    wait_for(90, f"the first packet of {namespace}/{name}", is_done)
    first = min(seen[ALLOWED].values())
    return {"asked": asked, "to_process_ms": (begun - created) * 1e3,
            "to_packet_ms": (first - created) * 1e3, "process_to_packet_ms": (first - begun) * 1e3,
            "lost": DATAGRAMS - len(seen[ALLOWED]), "forbidden": len(seen[FORBIDDEN])}


def interleaved(cluster, count, variants):
    """Starts the pods of all variants in turn. They keep running: stopping them would disturb later starts."""
    peers = Peers(cluster)
    samples = {name: [] for name, _, _ in variants}
    before = load()
    for number in range(-1, count):  # the first of each is a warm-up
        for name, namespace, node_of in variants:
            sample = start(cluster, peers, namespace, f"{name}-{number + 1}", node_of(number))
            if number >= 0:
                samples[name].append(sample)
            time.sleep(0.2)
    return {"load": [before, load()], "samples": samples}


def with_kpol(cluster, count):
    log(f"{count} pod starts with policy, {count} without")
    for namespace in ("bench-policy", "bench-open"):
        cluster.namespace(namespace)
    cluster.policy("bench-policy", "deny-all", BOTH)
    cluster.policy("bench-policy", "allow-peers", ALLOW_PEERS)
    cluster.settle()
    by_turns = lambda number: cluster.nodes[number % 2]
    result = interleaved(cluster, count, [("policy", "bench-policy", by_turns),
                                          ("open", "bench-open", by_turns)])
    for sample in result["samples"]["policy"]:
        if sample["forbidden"]:
            raise RuntimeError(f"forbidden packets got through: {sample}")
    for sample in result["samples"]["open"]:
        if not sample["forbidden"]:
            raise RuntimeError("the collector does not hear the port that the policy forbids")
    return result


def with_ptp(cluster, count):
    """The reference plugins: both families on the first node, IPv4 alone on the second.

    ptp waits for the end of duplicate address detection, a second or more, kpol need not; IPv4 alone
    is the fair comparison of everything else.
    """
    log(f"{count} pod starts with ptp, {count} with ptp and IPv4 alone")
    both, single = cluster.nodes
    path = "/etc/cni/net.d/10-ptp.conflist"
    conflist = json.loads(cluster.on_node(single, "cat", path))
    ipam = conflist["plugins"][0]["ipam"]
    ipam["ranges"] = [r for r in ipam["ranges"] if ":" not in r[0]["subnet"]]
    ipam["routes"] = [r for r in ipam["routes"] if ":" not in r["dst"]]
    cluster.on_node(single, "sh", "-c", f"cat >{path}.new && mv {path}.new {path}",
                    text=json.dumps(conflist))
    time.sleep(2)  # until containerd has read it again
    cluster.namespace("bench-open")
    result = interleaved(cluster, count, [("ptp", "bench-open", lambda _: both),
                                          ("ptp-ipv4", "bench-open", lambda _: single)])
    for name, families in (("ptp-1", 2), ("ptp-ipv4-1", 1)):
        addresses = cluster.api("GET", f"/api/v1/namespaces/bench-open/pods/{name}")["status"]["podIPs"]
        if len(addresses) != families:
            raise RuntimeError(f"{name} has the addresses {addresses}")
    return result


NAMES = {"policy": "kpol, default-deny and allow", "open": "kpol, no policy selects the pod",
         "ptp-ipv4": "ptp, IPv4 alone", "ptp": "ptp"}


def report(results):
    samples = {name: s for result in results for name, s in result["samples"].items()}
    summary, rows = {}, []
    of = lambda name, what: [sample[what] for sample in samples[name]]
    base = percentile(of("ptp-ipv4", "to_packet_ms"), 0.5) if "ptp-ipv4" in samples else None
    for name in [name for name in NAMES if name in samples]:
        figures = summary[name] = {what: spread(of(name, what)) for what in (
            "to_packet_ms", "to_process_ms", "process_to_packet_ms")}
        figures.update({what: sum(of(name, what)) for what in ("lost", "forbidden")})
        first, inside = figures["to_packet_ms"], figures["process_to_packet_ms"]
        figures["ratio"] = base and first["p50"] / base
        rows.append([NAMES[name], first["n"], f"{first['p50']:.0f}", f"{first['max']:.0f}",
                     f"{figures['ratio']:.2f}" if base else "", f"{inside['p50']:.2f}",
                     f"{inside['max']:.2f}", figures["lost"], figures["forbidden"]])
    table(["Pod created to first packet", "pods", "median, ms", "max", "to ptp, IPv4 alone",
           "process to first packet, median", "max", "allowed packets lost", "at the denied port"],
          rows)
    for result in results:
        print(f"{' and '.join(result['samples'])}: load {load_text(result)}")
    return summary
