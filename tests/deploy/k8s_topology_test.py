#!/usr/bin/env python3
"""The init container that asks Kubernetes for the node's switch: its script is run as it is
rendered, with a stand-in for curl."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import k8s_test  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
LABEL = "network.topology.nvidia.com/leaf"
CURL = """#!/bin/sh
case "$*" in
  *"--cacert ca.crt --oauth2-bearer TOKEN https://kubernetes.default.svc/api/v1/nodes/n1?pretty=true")
    cat node.json ;;
  *) echo "forbidden" >&2; exit 22 ;;
esac
"""


class TopologyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        objects = k8s_test.render(ROOT / "deploy/k8s/overlays/production")
        pod = next(
            each["spec"]["template"]["spec"]
            for each in objects
            if each["kind"] == "StatefulSet" and each["metadata"]["name"] == "octet-agent"
        )
        cls.container = next(c for c in pod["initContainers"] if c["name"] == "topology")
        cls.agent = pod["containers"][0]

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(subprocess.run, ["rm", "-r", self.folder])
        for each in ("kubernetes", "topology", "bin"):
            (self.folder / each).mkdir()
        (self.folder / "kubernetes/token").write_text("TOKEN")
        (self.folder / "bin/curl").write_text(CURL)
        (self.folder / "bin/curl").chmod(0o755)

    def run_it(self, labels, node="n1"):
        """As the API server answers, which names each field of the labels once more."""
        fields = [{"fieldsV1": {"f:metadata": {"f:labels": {"f:" + LABEL: {}}}}}]
        answer = {"metadata": {"labels": labels, "managedFields": fields, "name": "n1"}}
        (self.folder / "kubernetes/node.json").write_text(json.dumps(answer, indent=2))
        variables = {e["name"]: e["value"] for e in self.container["env"] if "value" in e}
        return subprocess.run(
            [word.replace("/run/octet", str(self.folder)) for word in self.container["command"]],
            env={"PATH": "%s:%s" % (self.folder / "bin", os.environ["PATH"]), "NODE_NAME": node}
            | variables,
            capture_output=True,
            text=True,
        )

    def labels(self):
        return (self.folder / "topology/labels").read_text()

    def test_the_switch_is_the_value_of_the_nodes_label(self):
        for labels in ({"a": "b", LABEL: "leaf-3.x_1", "z": "y"}, {LABEL: "leaf-3.x_1"}):
            self.assertEqual(self.run_it(labels).returncode, 0)
            self.assertEqual(self.labels(), "switch=leaf-3.x_1\n")

    def test_a_node_without_the_label_has_no_switch(self):
        self.assertEqual(self.run_it({"zone": "z"}).returncode, 0)
        self.assertEqual(self.labels(), "")

    def test_a_node_that_cannot_be_read_keeps_the_agent_from_starting(self):
        done = self.run_it({LABEL: "leaf-3"}, node="n2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot read node n2", done.stderr)

    def test_the_agent_reads_what_was_written(self):
        self.assertIn("--label-file=/run/octet/topology/labels", self.agent["args"])


if __name__ == "__main__":
    unittest.main()
