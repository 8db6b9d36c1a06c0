#!/usr/bin/env python3
"""What can be said of the chart's objects, which `helm template` wrote into a file.

check.py same RENDERED KUSTOMIZED [CLEANUP]   the objects are those of a kustomization, and pass the
    same checks; with CLEANUP, manifests/uninstall, the DaemonSet is the one in there
check.py config RENDERED       prints the file that kpold reads
check.py get RENDERED KIND PATH    prints as JSON what is at spec/containers/0/image and the like; KIND
    may be DaemonSet/NAME, else it is the one of kpold
check.py edges SCHEMA          prints FIELD=VALUE for the edges of what the schema takes in `config`
check.py fields SCHEMA         prints the fields that it takes there
"""
import copy
import importlib.util
import json
import pathlib
import re
import sys

import yaml

here = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("manifests", here.parent / "manifests" / "check.py")
manifests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(manifests)

CHART = yaml.safe_load((here.parents[1] / "packaging/helm/kpol/Chart.yaml").read_text())
# All that the chart's objects have beyond the manifests'.
LABELS = {"app.kubernetes.io/instance": "kpol", "app.kubernetes.io/managed-by": "Helm",
          "app.kubernetes.io/version": CHART["appVersion"],
          "helm.sh/chart": f"kpol-{CHART['version']}"}
CHECKSUM = "checksum/config"


class Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML's readers take either."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep) for key, _ in node.value]
        for name in keys:
            if keys.count(name) > 1:
                raise ValueError(f"line {node.start_mark.line + 1}: {name} is there twice")
        return super().construct_mapping(node, deep)


def read(file):
    things = yaml.load_all(pathlib.Path(file).read_text(), Loader)
    return {manifests.key(thing): thing for thing in things if thing is not None}


def take_off(things, expected, where):
    for name, value in expected.items():
        found = things.pop(name, None)
        manifests.expect(found == value, where, f"{name} is {found}, not {value}")


def without_additions(objects):
    objects = copy.deepcopy(objects)
    for name, thing in objects.items():
        take_off(thing["metadata"]["labels"], LABELS, "/".join(name))
        if name[0] == "DaemonSet" and name[2] == "kpol":
            metadata = thing["spec"]["template"]["metadata"]
            annotations = metadata.pop("annotations", None) or {}
            checksum = annotations.pop(CHECKSUM, "")
            manifests.expect(re.fullmatch("[0-9a-f]{64}", checksum), "/".join(name), "no checksum")
            if annotations:
                metadata["annotations"] = annotations
    return objects


def comparable(objects):
    """With the configuration as what it says, whatever it looks like."""
    objects = {"/".join(name): copy.deepcopy(thing) for name, thing in objects.items()}
    for thing in objects.values():
        if thing["kind"] == "ConfigMap":
            thing["data"] = {name: yaml.load(text, Loader) for name, text in thing["data"].items()}
    return objects


def differences(ours, theirs, at=""):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted(set(ours) | set(theirs)):
            way = f"{at}/{name}" if at else name
            if name not in theirs:
                yield way, f"is {json.dumps(ours[name])} in the chart only"
            elif name not in ours:
                yield way, f"is {json.dumps(theirs[name])} in the manifests only"
            else:
                yield from differences(ours[name], theirs[name], way)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, pair in enumerate(zip(ours, theirs)):
            yield from differences(*pair, f"{at}/{number}")
    elif type(ours) is not type(theirs) or ours != theirs:
        yield at, f"is {json.dumps(ours)} in the chart, {json.dumps(theirs)} in the manifests"


def cleaning_up(objects, cleanup):
    """The objects of a kustomization, with the DaemonSet of manifests/uninstall under kpol's name:
    so each node's clean-up waits for the end of its kpold. Its ServiceAccount, which the API server
    would keep anyway, is named."""
    text = json.dumps(list(cleanup.values())).replace('"kpol-cleanup"', '"kpol"')
    (daemon,) = json.loads(text)
    daemon["spec"]["template"]["spec"]["serviceAccountName"] = "kpol"
    rest = {name: thing for name, thing in objects.items() if name[2] != "kpol-hold"}
    return {**rest, manifests.key(daemon): daemon}


def same(rendered, kustomized, cleanup=None):
    chart, wanted = without_additions(read(rendered)), read(kustomized)
    if cleanup:
        wanted = cleaning_up(wanted, read(cleanup))
    for way, what in differences(comparable(chart), comparable(wanted)):
        manifests.expect(False, way, what)
    count = 5 if cleanup else 6
    manifests.expect(len(chart) == count, rendered, f"has {len(chart)} objects, not {count}")
    manifests.check_rights("chart", chart)
    if cleanup:
        manifests.check_uninstall("chart", {name: thing for name, thing in chart.items()
                                            if thing["kind"] == "DaemonSet"})
    else:
        manifests.check_daemon_set("chart", chart)
    for problem in manifests.problems:
        print(problem)
    return 1 if manifests.problems else 0


def config(rendered):
    (thing,) = [o for o in read(rendered).values() if o["kind"] == "ConfigMap"]
    print(thing["data"]["kpold.yaml"])


def get(rendered, kind, path):
    kind, _, name = kind.partition("/")
    things = [o for o in read(rendered).values() if o["kind"] == kind]
    if kind == "DaemonSet":
        things = [o for o in things if o["metadata"]["name"] == (name or "kpol")]
    (thing,) = things
    for step in path.replace("\\/", "\0").split("/"):
        step = step.replace("\0", "/")
        thing = thing[int(step)] if isinstance(thing, list) else thing.get(step)
    print(json.dumps(thing, sort_keys=True))


def config_schema(schema):
    return json.loads(pathlib.Path(schema).read_text())["properties"]["config"]["properties"]


def edges(schema):
    for name, field in config_schema(schema).items():
        values = list(field.get("enum", []))
        values += ["true", "false"] if field.get("type") == "boolean" else []
        for part in [field, *field.get("anyOf", [])]:
            values += [part[word] for word in ("minimum", "maximum", "const") if word in part]
        for value in values:
            print(f"{name}={value}")


def fields(schema):
    print("\n".join(sorted(config_schema(schema))))


if __name__ == "__main__":
    verb = {"same": same, "config": config, "get": get, "edges": edges, "fields": fields}[sys.argv[1]]
    sys.exit(verb(*sys.argv[2:]))
