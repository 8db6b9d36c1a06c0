"""kpold's memory in a cluster of many pods, most of which are only objects of the API server."""
import concurrent.futures
import time

from cluster import log
from costs import MEMORY_HEAD, forget_peak, memory_cells, memory_mib, processes
from figures import table

PER_NAMESPACE = 100
PER_POLICY = 50


def make_namespace(cluster, number, pods):
    """Pods that are not scheduled, with the status that a kubelet would report, and policies for them."""
    namespace = f"bench-many-{number}"
    cluster.namespace(namespace)
    for k in range(0, pods, PER_POLICY):
        cluster.policy(namespace, f"p{k}", {
            "podSelector": {"matchLabels": {"app": f"a{k // PER_POLICY}"}},
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"tier": "front"}}}],
                         "ports": [{"port": 8080}]}]})
    for k in range(pods):
        path = f"/api/v1/namespaces/{namespace}/pods"
        cluster.api("POST", path, {
            "metadata": {"name": f"pod-{k}", "labels": {
                "app": f"a{k // PER_POLICY}", "tier": ("front", "back")[k % 2], "release": "r1"}},
            "spec": {"schedulerName": "none", "automountServiceAccountToken": False,
                     "containers": [{"name": "c", "image": "registry.local/test:1"}]}})
        low = number * PER_NAMESPACE + k
        addresses = [f"10.245.{low >> 8}.{low & 255}", f"fd00:10:245::{low:x}"]
        cluster.api("PATCH", f"{path}/pod-{k}/status", {"status": {
            "phase": "Running", "podIP": addresses[0], "podIPs": [{"ip": a} for a in addresses]}})


def measure(cluster, pods):
    log(f"{pods} pods that are objects only")
    cluster.settle()
    before = {node: memory_mib(programs["kpold"]) for node, programs in processes(cluster).items()}
    for programs in processes(cluster).values():
        forget_peak(programs["kpold"])
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(make_namespace, cluster, number, min(PER_NAMESPACE, pods - first))
                     for number, first in enumerate(range(0, pods, PER_NAMESPACE))]:
            done.result()
    cluster.settle()
    time.sleep(2)
    result = {"pods": pods, "before": before, "watched": {
        node: memory_mib(programs["kpold"]) for node, programs in processes(cluster).items()}}
    log("kpold starts again")
    cluster.kubectl("-n", "kube-system", "rollout", "restart", "daemonset/kpol")
    cluster.kubectl("-n", "kube-system", "rollout", "status", "daemonset/kpol", "--timeout=120s")
    cluster.settle()
    time.sleep(2)
    result["restarted"] = {
        node: memory_mib(programs["kpold"]) for node, programs in processes(cluster).items()}
    return result


def report(result):
    names = {"before": "before", "watched": f"{result['pods']:,} pods created",
             "restarted": "kpold restarted"}
    table(["kpold", "node", *MEMORY_HEAD],
          [[text, node, *memory_cells(memory)]
           for name, text in names.items() for node, memory in result[name].items()])
    return {name: result[name] for name in names}
