#!/usr/bin/env python3
"""The policy for Kubernetes finds each mistake, made on purpose in what the production
overlay renders to, and none where there is none."""

import copy
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import k8s_test  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "octet_%s_%s" % ("0a" * 6, "1b" * 32)


class PolicyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.facts = k8s_test.Facts(ROOT)
        cls.rendered = k8s_test.render(ROOT / "deploy/k8s/overlays/production")

    def setUp(self):
        self.objects = copy.deepcopy(self.rendered)

    def get(self, kind, name):
        return next(
            each
            for each in self.objects
            if each["kind"] == kind and each["metadata"]["name"] == name
        )

    def pod(self, name="octet-agent"):
        return self.get("StatefulSet", name)["spec"]["template"]["spec"]

    def agent(self):
        return self.pod()["containers"][0]

    def problems(self):
        return k8s_test.Policy(self.objects, self.facts, k8s_test.OVERLAYS["production"]).check()

    def expect(self, text, found=None):
        found = self.problems() if found is None else found
        self.assertTrue(any(text in each for each in found), "%r is not in %r" % (text, found))

    def test_nothing_is_wrong_with_the_overlay(self):
        self.assertEqual(self.problems(), [])

    def test_a_field_that_kubernetes_does_not_know(self):
        self.agent()["livenesProbe"] = {}
        self.expect("'livenesProbe' was unexpected", list(k8s_test.misfits(self.objects)))

    def test_a_value_of_the_wrong_type(self):
        self.get("Service", "octet-scheduler")["spec"]["ports"][0]["port"] = "7070"
        self.expect("'7070' is not of type 'integer'", list(k8s_test.misfits(self.objects)))

    def test_a_missing_kind(self):
        self.objects.remove(self.get("PrometheusRule", "octet"))
        self.expect("PrometheusRule: there is none")

    def test_another_namespace(self):
        self.get("Service", "octet-agent")["metadata"]["namespace"] = "default"
        self.expect("is not in namespace octet")

    def test_a_namespace_that_takes_any_pod(self):
        del self.get("Namespace", "octet")["metadata"]["labels"]
        self.expect("does not enforce the restricted security standard")

    def test_images_without_a_version(self):
        for tag in ("", ":latest", ":stable"):
            self.agent()["image"] = "octet/agent" + tag
            self.expect("has no version for a tag")

    def test_an_image_of_another_version(self):
        self.agent()["image"] = "octet/agent:99.0.0"
        self.expect("is not of " + self.facts.version)

    def test_pods_that_the_standard_refuses(self):
        for change, text in (
            ({"securityContext": {"runAsUser": 10001}}, "may run as root"),
            ({"securityContext": {"runAsNonRoot": True}}, "may run as root"),
            ({"securityContext": {}}, "has no seccomp profile"),
            ({"hostNetwork": True}, "hostNetwork"),
            ({"hostPID": True}, "hostPID"),
            ({"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}, "is the host's"),
        ):
            self.setUp()
            self.pod("octet-scheduler").update(change)
            self.expect("StatefulSet octet-scheduler: ")
            self.expect(text)

    def test_containers_that_the_standard_refuses(self):
        for change, text in (
            ({"allowPrivilegeEscalation": True}, "may gain privileges"),
            ({"readOnlyRootFilesystem": False}, "may write to its root"),
            ({"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}}, "keeps capabilities"),
        ):
            self.setUp()
            self.pod()["initContainers"][0]["securityContext"].update(change)
            self.expect(text)

    def test_resources_that_are_left_open(self):
        for kind in ("requests", "limits"):
            for resource in ("cpu", "memory"):
                self.setUp()
                del self.pod("octet-scheduler")["containers"][0]["resources"][kind][resource]
                self.expect("%s: no %s" % (kind, resource))

    def test_probes(self):
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            self.setUp()
            del self.agent()[probe]
            self.expect("no gRPC %s on the port health" % probe)
        self.setUp()
        self.agent()["livenessProbe"]["grpc"]["port"] = 7081
        self.expect("no gRPC livenessProbe on the port health")
        self.setUp()
        del self.agent()["readinessProbe"]["grpc"]["service"]
        self.expect("does not ask for the service ready")

    def test_flags_and_ports(self):
        self.agent()["args"].append("--colour=red")
        self.expect("octet-agent has no flag --colour")
        self.setUp()
        self.agent()["args"].remove("--metrics=0.0.0.0:7081")
        self.expect("listens on other ports than it declares")
        self.setUp()
        self.agent()["command"] = ["sleep"]
        self.expect("runs none of")

    def test_volumes_in_memory(self):
        volume = next(each for each in self.pod()["volumes"] if each["name"] == "shm")
        volume["emptyDir"]["sizeLimit"] = "400Gi"
        self.expect("more than half of its limit")
        del volume["emptyDir"]["sizeLimit"]
        self.expect("has no sizeLimit")

    def test_a_grace_that_cuts_off_a_save(self):
        self.pod()["terminationGracePeriodSeconds"] = 120
        self.expect("cuts off --stop-grace")
        del self.pod()["terminationGracePeriodSeconds"]
        self.expect("cuts off --stop-grace")

    def test_tokens_of_service_accounts(self):
        self.get("ServiceAccount", "octet-agent")["automountServiceAccountToken"] = True
        self.expect("its token is mounted into every pod")
        self.setUp()
        del self.pod()["automountServiceAccountToken"]
        self.expect("mounts a token")
        self.setUp()
        self.pod()["serviceAccountName"] = "default"
        self.expect("has no service account of its own")
        self.setUp()
        self.agent()["volumeMounts"].append({"name": "kubernetes", "mountPath": "/run/kubernetes"})
        self.expect("container agent, where jobs run, has a token")

    def test_rights(self):
        for change in ({"verbs": ["get", "list"]}, {"resources": ["secrets"]}, {"verbs": ["*"]}):
            self.setUp()
            self.get("ClusterRole", "octet-topology")["rules"][0].update(change)
            self.expect("more than reading nodes")
        self.setUp()
        self.get("ClusterRoleBinding", "octet-topology")["subjects"][0]["name"] = "default"
        self.expect("default is no account of ours")

    def test_secrets(self):
        for text in (TOKEN, "-----BEGIN PRIVATE KEY-----", "db_password: hunter2"):
            self.setUp()
            self.get("ConfigMap", "octet-dashboard-job")["data"]["x"] = text
            self.expect("ConfigMap octet-dashboard-job: holds a secret")
        self.setUp()
        self.agent()["args"].append("--join-token-file=" + TOKEN)
        self.expect("StatefulSet octet-agent: holds a secret")
        self.setUp()
        self.objects.append(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "octet"}}
        )
        self.expect("a secret in the repository")

    def test_network_policies(self):
        self.objects.remove(self.get("NetworkPolicy", "default-deny"))
        self.expect("none closes everything")
        for change, text in (
            ({"podSelector": {"matchLabels": {"app": "x"}}}, "selects no pod"),
            ({"ingress": [{"ports": [{"port": 7070}]}]}, "ingress is open"),
            ({"egress": [{}]}, "egress is open"),
            (
                {"ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 1}]}]},
                "nobody there listens on 1",
            ),
            (
                {"egress": [{"to": [{"podSelector": {}}], "ports": [{"port": 2}]}]},
                "nobody there listens on 2",
            ),
        ):
            self.setUp()
            self.get("NetworkPolicy", "octet-agent")["spec"].update(change)
            self.expect(text)

    def test_services(self):
        self.get("Service", "octet-scheduler")["spec"]["ports"][0]["targetPort"] = "http"
        self.expect("has a port http")

    def test_references(self):
        self.get("StatefulSet", "octet-agent")["spec"]["serviceName"] = "agents"
        self.expect("there is no service agents")
        for volume, source, text in (
            ("data", {"persistentVolumeClaim": {"claimName": "x"}}, "PersistentVolumeClaim x"),
            ("tmp", {"configMap": {"name": "y"}}, "ConfigMap y"),
        ):
            self.setUp()
            next(each for each in self.pod()["volumes"] if each["name"] == volume).update(source)
            self.expect("there is no " + text)

    def test_disruption_budgets(self):
        budget = self.get("PodDisruptionBudget", "octet-agent")
        budget["spec"]["maxUnavailable"] = 0
        self.expect("drains of nodes would wait for ever")
        self.objects.remove(budget)
        self.expect("has 0 disruption budgets")

    def test_service_monitors(self):
        for path, value, text in (
            ("selector", {"matchLabels": {"app": "x"}}, "selects 0 services"),
            ("jobLabel", "app", "not those of prometheus.yaml"),
            ("endpoints", [{"port": "http", "honorLabels": True}], "has no port http"),
            ("endpoints", [{"port": "metrics"}], "would rename the label job"),
        ):
            self.setUp()
            self.get("ServiceMonitor", "octet-agent")["spec"][path] = value
            self.expect(text)

    def test_rules_and_dashboards_that_are_stale(self):
        del self.get("PrometheusRule", "octet")["spec"]["groups"][0]["rules"][0]
        self.expect("is stale")
        del self.get("ConfigMap", "octet-dashboard-job")["metadata"]["labels"]
        self.expect("dashboards are not those of")

    def test_gpu_nodes(self):
        self.agent()["resources"]["limits"]["nvidia.com/gpu"] = 4
        self.expect("is not for nodes of 8 GPUs")
        self.expect("is not of QoS Guaranteed")
        self.setUp()
        del self.pod()["affinity"]
        self.expect("two agents may be on one node")
        self.setUp()
        next(each for each in self.pod()["volumes"] if each["name"] == "shm")["emptyDir"] = {
            "sizeLimit": "1Gi"
        }
        self.expect("/dev/shm is the container's own")
        self.setUp()
        for kind in ("requests", "limits"):
            del self.agent()["resources"][kind]["nvidia.com/gpu"]
        self.expect("offers whatever it finds")


if __name__ == "__main__":
    unittest.main()
