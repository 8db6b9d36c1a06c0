"""A cluster of e2e/cluster, controlled by its scripts, and the pods in it."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[3]
COMMANDS = TOP / "e2e" / "cluster"
ALLOWED, FORBIDDEN = 7000, 7001  # UDP ports; what the second is for is said where it is used


def log(text):
    print(f"\033[1m==> {text}\033[0m", flush=True)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Cluster:
    """The cluster runs from __enter__ to __exit__, also if an error occurs between."""

    def __init__(self, folder, cni, keep):
        self.folder, self.cni, self.keep = folder, cni, keep
        self.environment = {**os.environ, "KPOL_CLUSTER": folder, "TZ": "UTC"}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="kpol-bench-", dir="/var/tmp"))
            stack.callback(shutil.rmtree, self.scratch)
            if not self.keep:
                stack.callback(self.command, "down")
            if not (self.keep and self.is_up()):
                self.command("down")
                self.command("up", "2", "--cni", self.cni)
            self.nodes = self.kubectl("get", "nodes", "-o",
                                      "jsonpath={.items[*].metadata.name}").split()
            self.start_proxy(stack)
            if self.keep:
                stack.callback(self.kubectl, "delete", "namespaces", "-l", "kpol-bench=true",
                               "--timeout=600s")
            self.undo = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.undo.close()

    def is_up(self):
        return subprocess.run([COMMANDS / "status"], env=self.environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0

    def command(self, name, *words):
        subprocess.run([COMMANDS / name, *words], env=self.environment, check=True)

    def kubectl(self, *words, stderr=None):
        return subprocess.run([COMMANDS / "kubectl", *words], env=self.environment, check=True,
                              stdout=subprocess.PIPE, stderr=stderr, encoding="utf-8").stdout

    def on_node(self, node, *words, text=None):
        return subprocess.run([COMMANDS / "node", node, *words], env=self.environment, input=text,
                              check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout

    # A request to the API server through kubectl's proxy takes one or two milliseconds; starting kubectl
    # takes a hundred. A socket with a path is reached from any network namespace.
    def start_proxy(self, stack):
        self.socket = str(self.scratch / "api")
        self.connections = threading.local()
        proxy = subprocess.Popen([COMMANDS / "kubectl", "proxy", f"--unix-socket={self.socket}"],
                                      env=self.environment, stdout=subprocess.DEVNULL,
                                      start_new_session=True)
        stack.callback(proxy.wait)
        stack.callback(os.killpg, proxy.pid, signal.SIGTERM)
        wait_for(20, "kubectl's proxy", lambda: self.api("GET", "/version"))

    def api(self, verb, path, body=None):
        if not hasattr(self.connections, "mine"):
            self.connections.mine = UnixConnection(self.socket)
        connection = self.connections.mine
        kind = "application/strategic-merge-patch+json" if verb == "PATCH" else "application/json"
        try:
            connection.request(verb, path, body and json.dumps(body), {"Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        if answer.status >= 300:
            raise RuntimeError(f"{verb} {path}: {answer.status} {text.decode()}")
        return json.loads(text)

    def namespace(self, name):
        self.api("POST", "/api/v1/namespaces",
                 {"metadata": {"name": name, "labels": {"kpol-bench": "true"}}})
        wait_for(20, f"the service account of {name}", lambda: self.api(
            "GET", f"/api/v1/namespaces/{name}/serviceaccounts/default"))

    def policy(self, namespace, name, spec):
        self.api("POST", f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies",
                 {"metadata": {"name": name}, "spec": spec})

    def pod(self, namespace, name, node, command, labels=None, volume=None):
        container = {"name": "c", "image": "registry.local/test:1", "imagePullPolicy": "Never",
                     "command": command}
        spec = {"nodeSelector": {"kubernetes.io/hostname": node}, "containers": [container],
                "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": False}
        if volume:
            spec["volumes"] = [{"name": "out", "hostPath": {"path": str(volume)}}]
            container["volumeMounts"] = [{"name": "out", "mountPath": "/out"}]
        self.api("POST", f"/api/v1/namespaces/{namespace}/pods",
                 {"metadata": {"name": name, "labels": labels or {}}, "spec": spec})

    def collector(self, namespace, name, node, labels=None):
        """A pod that records the packets that arrive: its address, and the command to read them."""
        command = f"exec probe collect {ALLOWED} {FORBIDDEN} >/out/{name}"
        self.pod(namespace, name, node, ["sh", "-c", command], labels, self.scratch)
        self.kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{name}",
                     "--timeout=60s")
        address = self.api("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")["status"]["podIP"]
        return address, Arrivals(self.scratch / name)

    def settle(self):
        """Waits until the kernel of each node has all changes made so far."""
        for pod in self.kubectl("-n", "kube-system", "get", "pods", "-l", "app.kubernetes.io/name=kpol",
                                "-o", "jsonpath={.items[*].metadata.name}").split():
            self.kubectl("-n", "kube-system", "exec", pod, "-c", "kpold", "--",
                         "kpolctl", "sync", "--timeout", "60s")


def wait_for(seconds, what, is_so):
    end = time.monotonic() + seconds
    while True:
        try:
            result = is_so()
            if result:
                return result
        except (OSError, RuntimeError):
            pass
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds} seconds")
        time.sleep(0.01)


class Arrivals:
    """The lines of `probe collect`, each once."""

    def __init__(self, path):
        self.file = open(path, encoding="ascii")
        self.rest = ""

    def read(self):
        *lines, self.rest = (self.rest + self.file.read()).split("\n")
        for line in lines:
            arrived, port, pod, number, begun, sent = line.split()
            yield float(arrived), int(port), pod, int(number), float(begun), float(sent)
