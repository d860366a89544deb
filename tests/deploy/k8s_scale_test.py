#!/usr/bin/env python3
"""`kubectl scale` of the agents, by real processes where pods would be.

Runs what the one-machine overlay says, with folders for its volumes and ports that the
kernel picks. An elastic training over two agents goes on on one, from the step that it
had, when the other pod is ended as the kubelet ends it; and over both again when that pod
comes back with its volume, and with a token that lets nobody in any more.

    .deps/venv/bin/python3 tests/deploy/k8s_scale_test.py --bin build/bin
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import k8s_test  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Longer where all takes longer: under sanitizers.
PATIENCE_S = int(os.environ.get("OCTET_TEST_PATIENCE_S", 120))
CANNOT_REACH = 3
TRAINING = """
name: elastic
train:
  model: {name: cnn}
  dataset: {name: fashion-mnist}
  gang: {slots: 4, min_slots: 2}
  batch_size: 256
  epochs: 100
"""
# Two processes a node are enough, and idle slots are taken at once.
CPU_SLOTS = ("--cpu-slots=8", "--cpu-slots=2")
CONFIG = "resize_interval: 1s\n"


def until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            sys.exit("not within %d s: %s" % (PATIENCE_S, what))
        time.sleep(0.05)


class Pod:
    """A pod of a StatefulSet, on this machine."""

    def __init__(self, cluster, name, ordinal):
        self.spec = cluster.pods[name]
        self.name = "%s-%d" % (name, ordinal)
        self.cluster = cluster
        self.log = cluster.folder / (self.name + ".log")
        self.process = None

    def folder_of(self, volume):
        """What a volume mounts is of the cluster, or is the pod's own."""
        shared = self.cluster.folder / volume
        return shared if shared.exists() else self.cluster.folder / self.name / volume

    def here(self, container, text):
        text = text.replace("$(POD_NAME)", self.name).replace("$(NODE_NAME)", "this-machine")
        text = text.replace("octet-scheduler:7070", self.cluster.address)
        text = re.sub(r"=0\.0\.0\.0:\d+$", "=127.0.0.1:0", text)
        for mount in container["volumeMounts"]:
            if mount["name"] not in ("tmp", "shm"):  # Which are the machine's.
                folder = str(self.folder_of(mount["name"]))
                text = re.sub("(?<![^=:])%s(?![^/])" % mount["mountPath"], folder, text)
        return text

    def argv(self, container):
        words = container["command"] + container.get("args", [])
        return [self.here(container, word) for word in words]

    def start(self, replace=("", ""), more=()):
        (self.cluster.folder / self.name).mkdir(exist_ok=True)
        for volume in ("state", "data"):
            self.folder_of(volume).mkdir(exist_ok=True)
        for each in self.spec.get("initContainers", []):
            subprocess.run(self.argv(each), check=True)
        argv = self.argv(self.spec["containers"][0])
        argv = [replace[1] if word == replace[0] else word for word in argv]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                argv + list(more), stdout=log, stderr=log, env=self.cluster.environment
            )
        self.cluster.started.append(self)

    def end(self):
        """As the kubelet does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(self.spec.get("terminationGracePeriodSeconds", 30))
        if self.process.returncode != 0:
            sys.exit("%s ended with %d:\n%s" % (self.name, self.process.returncode, self.text()))

    def text(self):
        return self.log.read_text()


class Cluster:
    def __init__(self, folder, bin_folder):
        self.folder = folder
        self.environment = dict(os.environ, PATH="%s:%s" % (bin_folder, os.environ["PATH"]))
        self.address = ""
        self.started = []
        objects = k8s_test.render(ROOT / "deploy/k8s/overlays/one-machine")
        self.pods = {
            each["metadata"]["name"]: each["spec"]["template"]["spec"]
            for each in objects
            if each["kind"] == "StatefulSet"
        }
        for each in ("tls", "join", "cluster"):
            (folder / each).mkdir()
        config = next(each["data"] for each in objects if each["kind"] == "ConfigMap")
        (folder / "cluster/cluster.yaml").write_text(config["cluster.yaml"] + CONFIG)

    def octet(self, *arguments):
        return subprocess.run(
            ["octet", *arguments], check=True, capture_output=True, text=True, env=self.environment
        ).stdout

    def start_scheduler(self):
        self.octet("ca", "init", "--dir", str(self.folder / "tls"))
        self.octet(
            "ca", "issue", "scheduler", "--ca", str(self.folder / "tls"), "--name", "localhost"
        )
        scheduler = Pod(self, "octet-scheduler", 0)
        container = scheduler.spec["containers"][0]
        for each in container["env"]:
            self.environment[each["name"]] = scheduler.here(container, each["value"])
        scheduler.start()
        until("the scheduler listens", lambda: "listening on " in scheduler.text())
        self.address = "localhost:" + scheduler.text().rpartition(":")[2].strip()

    def make_join_secret(self):
        shutil.copy(self.folder / "tls/ca.crt", self.folder / "join")
        token = self.octet("token", "create", "--join", "--uses", "2", "--expires", "1h")
        (self.folder / "join/token").write_text(token)

    def start_agent(self, agent):
        # Libraries of a build that is not installed; and no pod is root.
        more = ["--data-root=%s" % (ROOT / ".deps").resolve()]
        if os.geteuid() == 0:
            more.append("--isolation=none")
        agent.start(CPU_SLOTS, more)

    def job(self):
        """None: the machine has so much to do that the scheduler was not reached."""
        try:
            return json.loads(self.octet("job", "j1", "-o", "json"))
        except subprocess.CalledProcessError as error:
            if error.returncode != CANNOT_REACH:
                raise
            return None

    def attempt(self, number, nodes):
        """Waits until it trains on these nodes, from no step before those that were seen."""

        def trains():
            job = self.job()
            if job is None:
                return None
            attempts = job["attempts"]
            if len(attempts) > number:
                sys.exit("attempt %d is one too many: %s" % (len(attempts), json.dumps(attempts)))
            if len(attempts) < number:
                return None
            if [each["node"] for each in attempts[-1]["placements"]] != nodes:
                sys.exit("not on %s: %s" % (nodes, json.dumps(attempts[-1])))
            resumed = int(attempts[-1]["resumed_step"])
            step = int(job.get("progress", {}).get("step", 0))
            told = number == 1 or resumed > 0
            return (resumed, step) if told and step > max(resumed, self.step) else None

        resumed, step = until("attempt %d trains on %s" % (number, ", ".join(nodes)), trains)
        if resumed < self.step:
            sys.exit("steps %d to %d are lost" % (resumed, self.step))
        print("attempt %d on %s: from step %d" % (number, ", ".join(nodes), resumed))
        self.step = step

    def scale(self):
        self.step = 0
        self.start_scheduler()
        self.make_join_secret()
        agents = [Pod(self, "octet-agent", ordinal) for ordinal in range(2)]
        for each in agents:
            self.start_agent(each)
        both = [each.name for each in agents]
        until("agents join", lambda: all("connected to" in each.text() for each in agents))
        (self.folder / "job.yaml").write_text(TRAINING)
        self.octet("submit", str(self.folder / "job.yaml"))
        self.attempt(1, both)
        agents[1].end()
        self.attempt(2, both[:1])
        (self.folder / "join/token").write_text("used up\n")
        self.start_agent(agents[1])
        self.attempt(3, both)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bin", default=ROOT / "build/bin", type=pathlib.Path)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="octet-scale."))
    cluster = Cluster(folder, parser.parse_args().bin.resolve())
    try:
        cluster.scale()
    except BaseException:
        for pod in cluster.started:
            print("%s:\n%s" % (pod.name, pod.text()), file=sys.stderr)
        raise
    finally:
        for pod in reversed(cluster.started):
            pod.process.kill()
            pod.process.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
