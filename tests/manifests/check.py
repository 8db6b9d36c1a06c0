#!/usr/bin/env python3
"""check.py MANIFESTS: what can be said of the manifests without a cluster and without kubectl.

Builds each kustomization by the few rules that ours use (anything else is an error), and checks the
objects: names and references agree, rights are least, no image floats, the pod is confined. Where there
is a kubectl, its `kustomize` must say the same.
"""
import copy
import json
import pathlib
import shutil
import subprocess
import sys

import yaml

problems = []
checked = 0


def expect(condition, where, problem):
    global checked
    checked += 1
    if not condition:
        problems.append(f"{where}: {problem}")


def documents(file):
    return [d for d in yaml.safe_load_all(file.read_text()) if d is not None]


def key(thing):
    return (thing["kind"], thing["metadata"].get("namespace", ""), thing["metadata"]["name"])


def patch(thing, operations):
    for operation in operations:
        if operation["op"] not in ("replace", "add"):
            raise ValueError(f"cannot {operation['op']}")
        *way, last = operation["path"].strip("/").split("/")
        at = thing
        for step in way:
            at = at[int(step) if isinstance(at, list) else step]
        if operation["op"] == "add" and last == "-":
            at.append(operation["value"])
            continue
        if operation["op"] == "replace":
            at[int(last) if isinstance(at, list) else last]  # must be there
        at[int(last) if isinstance(at, list) else last] = operation["value"]


KNOWN = {"apiVersion", "kind", "namespace", "labels", "resources", "configMapGenerator",
         "generatorOptions", "patches"}
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "Namespace"}


def build(folder):
    """The objects of a kustomization, by kind, namespace and name."""
    text = yaml.safe_load((folder / "kustomization.yaml").read_text())
    if set(text) - KNOWN:
        raise ValueError(f"{folder}: this check does not know {set(text) - KNOWN}")
    if text.get("generatorOptions") not in (None, {"disableNameSuffixHash": True}):
        raise ValueError(f"{folder}: unknown generatorOptions")
    objects = {}
    for resource in text["resources"]:
        path = folder / resource
        found = build(path).values() if path.is_dir() else documents(path)
        for thing in found:
            if key(thing) in objects:
                raise ValueError(f"{path}: {key(thing)} is there twice")
            objects[key(thing)] = copy.deepcopy(thing)
    for generator in text.get("configMapGenerator", []):
        labels = generator.get("options", {}).get("labels")
        thing = {"apiVersion": "v1", "kind": "ConfigMap",
                 "metadata": {"name": generator["name"],
                              "namespace": generator.get("namespace", text.get("namespace"))},
                 "data": {name: (folder / name).read_text() for name in generator["files"]}}
        if labels:
            thing["metadata"]["labels"] = labels
        if (generator.get("behavior", "create") == "replace") != (key(thing) in objects):
            raise ValueError(f"{folder}: {key(thing)}: wrong behavior")
        objects[key(thing)] = thing
    if "namespace" in text:
        for thing in objects.values():
            if thing["kind"] not in CLUSTER_WIDE:
                thing["metadata"]["namespace"] = text["namespace"]
    for entry in text.get("labels", []):
        for thing in objects.values():
            thing["metadata"].setdefault("labels", {}).update(entry["pairs"])
            if entry.get("includeTemplates") and "template" in thing.get("spec", {}):
                thing["spec"]["template"]["metadata"].setdefault("labels", {}).update(entry["pairs"])
    for entry in text.get("patches", []):
        target = entry["target"]
        targets = [t for t in objects.values()
                   if (t["kind"], t["metadata"]["name"]) == (target["kind"], target["name"])]
        if len(targets) != 1:
            raise ValueError(f"{folder}: a patch has {len(targets)} targets")
        patch(targets[0], yaml.safe_load(entry["patch"]))
    return objects


def check_rights(where, objects):
    (role,) = [o for o in objects.values() if o["kind"] == "ClusterRole"]
    rights = {(g, r, v) for rule in role["rules"] for g in rule["apiGroups"]
              for r in rule["resources"] for v in rule["verbs"]}
    wanted = {("", r, v) for r in ("pods", "namespaces", "nodes") for v in ("get", "list", "watch")}
    wanted |= {("networking.k8s.io", "networkpolicies", v) for v in ("get", "list", "watch")}
    wanted |= {("", "events", "create")}
    (config,) = [o for o in objects.values() if o["kind"] == "ConfigMap"]
    if yaml.safe_load(config["data"]["kpold.yaml"]).get("clearNetworkUnavailable"):
        wanted |= {("", "nodes/status", "patch")}
    expect(rights == wanted, where, f"rights differ from the least: {sorted(rights ^ wanted)}")
    (binding,) = [o for o in objects.values() if o["kind"] == "ClusterRoleBinding"]
    expect(binding["roleRef"]["name"] == role["metadata"]["name"], where, "the binding names no role")
    for subject in binding["subjects"]:
        expect(("ServiceAccount", subject["namespace"], subject["name"]) in objects, where,
               f"the binding's subject {subject['name']} does not exist")


def check_container(where, container, volumes, capabilities):
    image = container["image"]
    expect(":" in image.rsplit("/", 1)[-1] and not image.endswith(":latest"), where,
           f"the image {image} floats")
    security = container.get("securityContext", {})
    expect(security.get("allowPrivilegeEscalation") is False, where, "may escalate its privileges")
    expect(security.get("readOnlyRootFilesystem") is True, where, "its root file system is writable")
    expect("privileged" not in security, where, "is privileged")
    expect(security.get("capabilities") == capabilities, where,
           f"capabilities are {security.get('capabilities')}")
    expect(set(container["resources"]["requests"]) == {"cpu", "memory"}, where, "requests no resources")
    of_node = any("hostPath" in volumes.get(m["name"], {}) for m in container.get("volumeMounts", []))
    expect(security.get("seLinuxOptions") == ({"type": "spc_t"} if of_node else None), where,
           f"SELinux options are {security.get('seLinuxOptions')}")
    for mount in container.get("volumeMounts", []):
        expect(mount["name"] in volumes, where, f"mounts {mount['name']}, which is no volume")
        source = volumes.get(mount["name"], {})
        if "hostPath" in source:
            expect(source["hostPath"]["path"] == mount["mountPath"], where,
                   f"{mount['mountPath']} is elsewhere than on the node")


def check_pod(where, objects, daemon):
    """What holds for the pods of all DaemonSets; their volumes by name."""
    template = daemon["spec"]["template"]
    expect(daemon["metadata"]["namespace"] == "kube-system", where, "is in another namespace")
    for label, value in daemon["spec"]["selector"]["matchLabels"].items():
        expect(template["metadata"]["labels"].get(label) == value, where, "selects no pod of its own")
    spec = template["spec"]
    expect(spec["hostNetwork"] is True, where, "is not in the node's network")
    expect(spec["priorityClassName"] == "system-node-critical", where, "may be preempted")
    expect(spec["tolerations"] == [{"operator": "Exists"}], where, "does not tolerate everything")
    expect(spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, where,
           "runs without seccomp")
    volumes = {v["name"]: v for v in spec["volumes"]}
    for volume in volumes.values():
        if "configMap" in volume:
            config = objects.get(("ConfigMap", "kube-system", volume["configMap"]["name"]))
            expect(config is not None and "kpold.yaml" in config["data"], where,
                   "mounts a ConfigMap that does not exist")
    containers = spec.get("initContainers", []) + spec["containers"]
    used = {m["name"] for c in containers for m in c.get("volumeMounts", [])}
    expect(used == set(volumes), where, f"volumes that are not mounted: {set(volumes) - used}")
    return volumes


def check_uninstall(where, objects):
    (daemon,) = objects.values()
    volumes = check_pod(where, objects, daemon)
    spec = daemon["spec"]["template"]["spec"]
    (cleanup,), (done,) = spec["initContainers"], spec["containers"]
    check_container(f"{where} {cleanup['name']}", cleanup, volumes,
                    {"drop": ["ALL"], "add": ["NET_ADMIN"]})
    check_container(f"{where} {done['name']}", done, volumes, {"drop": ["ALL"]})
    expect(cleanup["command"] == ["/usr/bin/kpold", "--cleanup"], where, "does not clean up")
    expect(done["command"] == ["/usr/bin/kpold", "--idle"], where, "does not stay when it is done")
    expect(done["image"] == cleanup["image"], where, "needs a second image")
    expect(spec.get("automountServiceAccountToken") is False, where, "has a token it does not need")


def check_holder(where, objects, daemon):
    volumes = check_pod(where, objects, daemon)
    spec = daemon["spec"]["template"]["spec"]
    (hold,) = spec["containers"]
    check_container(where, hold, volumes, {"drop": ["ALL"]})
    expect(hold["command"] == ["/usr/bin/kpold", "hold"], where, "does not hold")
    expect(set(volumes) == {"run"}, where, "mounts more than the folder of its socket")
    expect(spec.get("automountServiceAccountToken") is False, where, "has a token it does not need")
    expect(daemon["spec"]["updateStrategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0},
           where, "an update leaves the node without a holder")
    expect(daemon["spec"]["minReadySeconds"] >= 5, where, "the old one ends before the new one has begun")
    expect(not hold.get("ports"), where, "has ports, so two cannot run at once")
    # What selects the pods of kpold must not select these.
    expect(daemon["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": "kpol-hold"}, where,
           "its pods have another name")


def check_daemon_set(where, objects):
    daemons = {name: o for (kind, _, name), o in objects.items() if kind == "DaemonSet"}
    expect(set(daemons) == {"kpol", "kpol-hold"}, where, f"has the DaemonSets {sorted(daemons)}")
    check_holder(f"{where} kpol-hold", objects, daemons["kpol-hold"])
    daemon = daemons["kpol"]
    volumes = check_pod(where, objects, daemon)
    spec = daemon["spec"]["template"]["spec"]
    run, holders = (next(v for v in d["spec"]["template"]["spec"]["volumes"] if v["name"] == "run")
                    for d in (daemon, daemons["kpol-hold"]))
    expect(run == holders, where, "the holder listens in another folder")
    image = daemons["kpol-hold"]["spec"]["template"]["spec"]["containers"][0]["image"]
    expect(image == spec["containers"][0]["image"], where, "the holder needs a second image")
    expect(("ServiceAccount", "kube-system", spec["serviceAccountName"]) in objects, where,
           "runs as a ServiceAccount that does not exist")
    (init,), (kpold,) = spec["initContainers"], spec["containers"]
    check_container(f"{where} {init['name']}", init, volumes, {"drop": ["ALL"]})
    check_container(f"{where} {kpold['name']}", kpold, volumes,
                    {"drop": ["ALL"], "add": ["NET_ADMIN"]})
    expect((init["name"], kpold["name"]) == ("install-cni", "kpold"), where, "containers' names differ")
    expect(init["image"] == kpold["image"], where, "installs another image's plugin")
    expect(set(kpold["resources"].get("limits", {})) == {"memory"}, where,
           "has no limit of memory, or others, which would delay pod starts")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        get = kpold[probe]["httpGet"]
        expect((get["host"], get["port"]) == ("127.0.0.1", 9464), where, f"{probe} asks elsewhere")
    expect({(p["hostPort"], p["protocol"]) for p in kpold["ports"]} == {(9464, "TCP"), (8472, "UDP")},
           where, "does not declare its ports")


def check_against_kubectl(kubectl, folder, objects):
    run = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True)
    expect(run.returncode == 0, folder, f"kubectl kustomize: {run.stderr.strip()}")
    theirs = {key(o): o for o in yaml.safe_load_all(run.stdout)}
    for name in sorted(set(objects) | set(theirs)):
        ours, other = (json.dumps(o.get(name), sort_keys=True) for o in (objects, theirs))
        expect(ours == other, folder, f"{name}: kubectl has {other}, this check has {ours}")


def main(manifests):
    kubectl = shutil.which("kubectl")
    for file in sorted(manifests.rglob("kustomization.yaml")):
        objects = build(file.parent)
        if file.parent.name == "uninstall":
            check_uninstall(file.parent, objects)
        else:
            check_rights(file.parent, objects)
            check_daemon_set(file.parent, objects)
        if kubectl:
            check_against_kubectl(kubectl, file.parent, objects)
    for file in sorted(manifests.rglob("*.yaml")):
        expect(len(documents(file)) > 0, file, "is empty")
    for file in sorted((manifests / "examples").glob("*.yaml")):
        expect(file.read_text().startswith(f"# kubectl -n NAMESPACE apply -f {file.name}\n"), file,
               "does not begin with how it is applied")
        for policy in documents(file):
            expect(policy["kind"] == "NetworkPolicy" and "namespace" not in policy["metadata"], file,
                   "is not a NetworkPolicy for any namespace")
    for problem in problems:
        print("FAIL", problem)
    print(f"manifests: {checked - len(problems)} passed, {len(problems)} failed;",
          "compared with kubectl" if kubectl else "no kubectl to compare with")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
