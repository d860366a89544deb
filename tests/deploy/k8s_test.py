#!/usr/bin/env python3
"""Renders the Kubernetes overlays, and holds what comes out to Kubernetes and to a policy.

kubectl renders each overlay without a warning. Objects of Kubernetes' own have to fit its
schemas to the letter, of the oldest and of the newest release that we name; those of
Prometheus' operator, which has none there, are looked at by hand. The policy: pods that
the namespace's security standard takes, probes, limits, pinned images, no secrets, nothing
open on the network but by name, no rights but to read nodes; and flags, ports, selectors
and references that exist.

    .deps/venv/bin/python3 tests/deploy/k8s_test.py REPOSITORY
"""

import json
import pathlib
import re
import subprocess
import sys

import kubernetes_validate
import yaml

PODS = {"Namespace", "StatefulSet", "Service", "NetworkPolicy", "PodDisruptionBudget"}
MONITORING = {"ServiceMonitor", "PrometheusRule", "ConfigMap"}
# What each has to hold.
OVERLAYS = {"one-machine": PODS, "production": PODS | MONITORING | {"ClusterRole"}}
RELEASES = ("1.27", "1.37")
NAMESPACE = "octet"
PROGRAMS = {
    "octet-scheduler": "scheduler/server/main.cc",
    "octet-agent": "worker/agent/main.cc",
}
# What an agent does after its ranks' grace: store, report, end.
AFTER_GRACE_S = 15
# A token of Octet, a key, or a value by the name of a secret.
SECRET = re.compile(
    r"octet_[0-9a-f]{12}_[0-9a-f]{64}|PRIVATE KEY|(password|passwd|api_key|secret_key)\W+\w", re.I
)
UNITS = {"": 1, "m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def render(folder):
    """The overlay's objects. Raises: it cannot be rendered, or only with a warning."""
    kubectl = pathlib.Path(sys.executable).with_name("kubectl")
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr:
        sys.exit("kubectl kustomize %s: %s" % (folder, done.stderr))
    return list(yaml.safe_load_all(done.stdout))


def quantity(text):
    match = re.fullmatch(r"([\d.]+)(\D*)", str(text))
    return float(match[1]) * UNITS[match[2]]


def seconds(text):
    match = re.fullmatch(r"(\d+)([sm])", text)
    return int(match[1]) * {"s": 1, "m": 60}[match[2]]


def name_of(thing):
    return "%s %s" % (thing["kind"], thing["metadata"]["name"])


def selects(selector, labels):
    return selector.get("matchLabels", {}).items() <= labels.items()


def misfits(objects):
    """What does not fit Kubernetes' schemas."""
    for each in objects:
        if each["apiVersion"].startswith("monitoring.coreos.com/"):
            continue
        for release in RELEASES:
            try:
                kubernetes_validate.validate(each, release, strict=True)
            except kubernetes_validate.ValidationError as error:
                path = ".".join(str(step) for step in error.path)
                yield "%s: %s, %s: %s" % (name_of(each), release, path, error.message)


class Facts:
    """What the repository says that manifests have to agree with."""

    def __init__(self, root):
        root = pathlib.Path(root)
        self.version = re.search(
            r"project\(octet VERSION ([\d.]+)", (root / "CMakeLists.txt").read_text()
        )[1]
        self.flags = {
            program: set(re.findall(r'"(--[a-z-]+)"', (root / source).read_text()))
            for program, source in PROGRAMS.items()
        }
        prometheus = root / "deploy/prometheus"
        scraped = yaml.safe_load((prometheus / "prometheus.yaml").read_text())
        self.scrape_jobs = {each["job_name"] for each in scraped["scrape_configs"]}
        self.rule_groups = [
            group
            for path in sorted(prometheus.glob("rules/*.yaml"))
            for group in yaml.safe_load(path.read_text())["groups"]
        ]
        self.dashboards = {
            path.name: path.read_text() for path in root.glob("deploy/grafana/dashboards/*.json")
        }


class Policy:
    """Each check_… adds what is wrong."""

    def __init__(self, objects, facts, kinds=frozenset()):
        self.objects = objects
        self.facts = facts
        self.kinds = kinds
        self.wrong = []

    def fail(self, where, what):
        self.wrong.append("%s: %s" % (where, what))

    def of_kind(self, *kinds):
        return [each for each in self.objects if each["kind"] in kinds]

    def workloads(self):
        """(name, labels of its pods, their spec)"""
        for each in self.of_kind("StatefulSet", "Deployment", "DaemonSet", "Job"):
            template = each["spec"]["template"]
            yield name_of(each), template["metadata"]["labels"], template["spec"]

    def containers(self):
        """(where, container, whether it is one that stays)"""
        for where, _, pod in self.workloads():
            for kind in ("initContainers", "containers"):
                for each in pod.get(kind, []):
                    yield "%s, container %s" % (where, each["name"]), each, kind == "containers"

    def check(self):
        for method in sorted(dir(self)):
            if method.startswith("check_"):
                getattr(self, method)()
        return self.wrong

    def check_kinds(self):
        for kind in sorted(self.kinds - {each["kind"] for each in self.objects}):
            self.fail(kind, "there is none")

    def check_namespace(self):
        wanted = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
        for each in self.objects:
            if each["kind"] not in wanted and each["metadata"].get("namespace") != NAMESPACE:
                self.fail(name_of(each), "is not in namespace " + NAMESPACE)
        for each in self.of_kind("Namespace"):
            labels = each["metadata"].get("labels", {})
            if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
                self.fail(name_of(each), "does not enforce the restricted security standard")

    # --- Pods --------------------------------------------------------------------

    def check_images(self):
        for where, each, _ in self.containers():
            image, _, tag = each["image"].rpartition(":")
            version = re.fullmatch(r"(\d+\.\d+\.\d+)(-cuda)?", tag)
            if version is None:
                self.fail(where, "image %s has no version for a tag" % each["image"])
            elif image.startswith("octet/") and version[1] != self.facts.version:
                self.fail(where, "image %s is not of %s" % (each["image"], self.facts.version))

    def check_restricted(self):
        for where, _, pod in self.workloads():
            context = pod.get("securityContext", {})
            if not context.get("runAsNonRoot") or not context.get("runAsUser"):
                self.fail(where, "may run as root")
            if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
                self.fail(where, "has no seccomp profile")
            for key in ("hostNetwork", "hostPID", "hostIPC"):
                if pod.get(key):
                    self.fail(where, key)
            for volume in pod.get("volumes", []):
                if "hostPath" in volume:
                    self.fail(where, "volume %s is the host's" % volume["name"])
        for where, each, _ in self.containers():
            context = each.get("securityContext", {})
            if context.get("allowPrivilegeEscalation") is not False:
                self.fail(where, "may gain privileges")
            if context.get("readOnlyRootFilesystem") is not True:
                self.fail(where, "may write to its root")
            if context.get("capabilities") != {"drop": ["ALL"]}:
                self.fail(where, "keeps capabilities")

    def check_resources(self):
        for where, each, _ in self.containers():
            resources = each.get("resources", {})
            for kind in ("requests", "limits"):
                for resource in ("cpu", "memory"):
                    if resource not in resources.get(kind, {}):
                        self.fail(where, "%s: no %s" % (kind, resource))

    def check_probes(self):
        for where, each, stays in self.containers():
            if not stays:
                continue
            ports = {port["name"]: port["containerPort"] for port in each.get("ports", [])}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if each.get(probe, {}).get("grpc", {}).get("port") != ports.get("health", 0):
                    self.fail(where, "no gRPC %s on the port health" % probe)
            if each.get("readinessProbe", {}).get("grpc", {}).get("service") != "ready":
                self.fail(where, "its readinessProbe does not ask for the service ready")

    def check_flags(self):
        for where, each, stays in self.containers():
            if not stays:
                continue
            program = next(
                (known for known in PROGRAMS if each.get("command", [])[-1:] == [known]), None
            )
            if program is None:
                self.fail(where, "runs none of " + ", ".join(PROGRAMS))
                continue
            listening = set()
            for arg in each["args"]:
                flag, _, value = arg.partition("=")
                if flag not in self.facts.flags[program]:
                    self.fail(where, "%s has no flag %s" % (program, flag))
                if flag in ("--listen", "--metrics", "--health") and ":" in value:
                    listening.add(value.rpartition(":")[2])
            declared = {str(port["containerPort"]) for port in each.get("ports", [])}
            if {port for port in listening if port.isdigit()} != declared:
                self.fail(where, "listens on other ports than it declares")

    def check_memory_volumes(self):
        for where, _, pod in self.workloads():
            in_memory = 0
            for volume in pod.get("volumes", []):
                empty = volume.get("emptyDir")
                if empty is None:
                    continue
                if "sizeLimit" not in empty:
                    self.fail(where, "volume %s has no sizeLimit" % volume["name"])
                elif empty.get("medium") == "Memory":
                    in_memory += quantity(empty["sizeLimit"])
            limit = sum(
                quantity(each["resources"]["limits"]["memory"])
                for each in pod["containers"]
                if "memory" in each.get("resources", {}).get("limits", {})
            )
            if in_memory > limit / 2:
                self.fail(where, "volumes in memory take more than half of its limit")

    def check_grace(self):
        for where, _, pod in self.workloads():
            for arg in pod["containers"][0].get("args", []):
                flag, _, value = arg.partition("=")
                if flag != "--stop-grace":
                    continue
                if pod.get("terminationGracePeriodSeconds", 30) < seconds(value) + AFTER_GRACE_S:
                    self.fail(where, "terminationGracePeriodSeconds cuts off --stop-grace")

    # --- Rights and secrets ------------------------------------------------------

    def check_rights(self):
        accounts = {each["metadata"]["name"] for each in self.of_kind("ServiceAccount")}
        for each in self.of_kind("ServiceAccount"):
            if each.get("automountServiceAccountToken") is not False:
                self.fail(name_of(each), "its token is mounted into every pod")
        for where, _, pod in self.workloads():
            if pod.get("automountServiceAccountToken") is not False:
                self.fail(where, "mounts a token")
            if pod.get("serviceAccountName") not in accounts:
                self.fail(where, "has no service account of its own")
            tokens = {
                volume["name"]
                for volume in pod.get("volumes", [])
                for source in volume.get("projected", {}).get("sources", [])
                if "serviceAccountToken" in source
            }
            for each in pod["containers"]:
                if tokens & {mount["name"] for mount in each.get("volumeMounts", [])}:
                    self.fail(where, "container %s, where jobs run, has a token" % each["name"])
        for each in self.of_kind("Role", "ClusterRole"):
            for rule in each["rules"]:
                if (rule["apiGroups"], rule["resources"], rule["verbs"]) != (
                    [""],
                    ["nodes"],
                    ["get"],
                ):
                    self.fail(name_of(each), "more than reading nodes: %s" % rule)
        for each in self.of_kind("RoleBinding", "ClusterRoleBinding"):
            for subject in each["subjects"]:
                if subject.get("namespace") != NAMESPACE or subject["name"] not in accounts:
                    self.fail(name_of(each), "%s is no account of ours" % subject["name"])

    def check_secrets(self):
        for each in self.objects:
            if each["kind"] == "Secret":
                self.fail(name_of(each), "a secret in the repository")
            elif SECRET.search(json.dumps(each)):
                self.fail(name_of(each), "holds a secret")

    # --- Network -----------------------------------------------------------------

    def check_network_policies(self):
        policies = [(name_of(each), each["spec"]) for each in self.of_kind("NetworkPolicy")]
        closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        if not any(spec == closed for _, spec in policies):
            self.fail("NetworkPolicy", "none closes everything that is not named")
        workloads = list(self.workloads())
        for where, spec in policies:
            for direction in ("ingress", "egress"):
                for rule in spec.get(direction, []):
                    self.network_rule(where, spec, direction, rule, workloads)

    def network_rule(self, where, spec, direction, rule, workloads):
        peers = rule.get("from", []) + rule.get("to", [])
        if not peers and not (direction == "egress" and rule.get("ports")):
            self.fail(where, "%s is open" % direction)
        # Without a namespace a peer is of ours, and has to be there.
        ours = [peer["podSelector"] for peer in peers if "namespaceSelector" not in peer]
        for selector in [spec["podSelector"]] + ours:
            if not any(selects(selector, labels) for _, labels, _ in workloads):
                self.fail(where, "%s selects no pod" % selector)
        # Ports are those of whom it lets in, or of whom it lets call.
        servers = [spec["podSelector"]] if direction == "ingress" else ours
        if not servers:
            return
        served = {
            port["containerPort"]
            for _, labels, pod in workloads
            for each in pod["containers"]
            for port in each.get("ports", [])
            if any(selects(selector, labels) for selector in servers)
        }
        for port in rule.get("ports", []):
            if port["port"] not in served:
                self.fail(where, "nobody there listens on %s" % port["port"])

    def check_services(self):
        for each in self.of_kind("Service"):
            served = {
                port["name"]
                for _, labels, pod in self.workloads()
                if each["spec"]["selector"].items() <= labels.items()
                for container in pod["containers"]
                for port in container.get("ports", [])
            }
            for port in each["spec"]["ports"]:
                if port["targetPort"] not in served:
                    self.fail(name_of(each), "no pod of its has a port %s" % port["targetPort"])

    # --- References and disruptions ----------------------------------------------

    def check_references(self):
        names = {(each["kind"], each["metadata"]["name"]) for each in self.objects}
        names.add(("ConfigMap", "kube-root-ca.crt"))  # Kubernetes puts it into each namespace.
        for each in self.of_kind("StatefulSet"):
            if ("Service", each["spec"]["serviceName"]) not in names:
                self.fail(name_of(each), "there is no service %s" % each["spec"]["serviceName"])
        for where, _, pod in self.workloads():
            for volume in pod.get("volumes", []):
                sources = [volume] + volume.get("projected", {}).get("sources", [])
                for source in sources:
                    for key, kind, field in (
                        ("configMap", "ConfigMap", "name"),
                        ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
                    ):
                        if key in source and (kind, source[key][field]) not in names:
                            self.fail(where, "there is no %s %s" % (kind, source[key][field]))

    def check_disruptions(self):
        budgets = self.of_kind("PodDisruptionBudget")
        for where, labels, _ in self.workloads():
            of_it = [each for each in budgets if selects(each["spec"]["selector"], labels)]
            if len(of_it) != 1:
                self.fail(where, "has %d disruption budgets" % len(of_it))
            for each in of_it:
                if each["spec"].get("maxUnavailable", 0) < 1:
                    self.fail(name_of(each), "drains of nodes would wait for ever")

    # --- Monitoring --------------------------------------------------------------

    def check_service_monitors(self):
        services = self.of_kind("Service")
        scraped = set()
        for each in self.of_kind("ServiceMonitor"):
            spec = each["spec"]
            of_it = [s for s in services if selects(spec["selector"], s["metadata"]["labels"])]
            if len(of_it) != 1:
                self.fail(name_of(each), "selects %d services" % len(of_it))
                continue
            scraped.add(of_it[0]["metadata"]["labels"].get(spec.get("jobLabel")))
            ports = {port["name"] for port in of_it[0]["spec"]["ports"]}
            for endpoint in spec["endpoints"]:
                if endpoint["port"] not in ports:
                    self.fail(name_of(each), "the service has no port %s" % endpoint["port"])
                if endpoint.get("honorLabels") is not True:
                    self.fail(name_of(each), "would rename the label job of trainings")
        if scraped and scraped != self.facts.scrape_jobs:
            self.fail("ServiceMonitor", "jobs are %s, not those of prometheus.yaml" % scraped)

    def check_prometheus_rules(self):
        for each in self.of_kind("PrometheusRule"):
            if each["spec"]["groups"] != self.facts.rule_groups:
                self.fail(name_of(each), "is stale; run deploy/k8s/monitoring/generate.py")

    def check_dashboards(self):
        boards = {}
        for each in self.of_kind("ConfigMap"):
            if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1":
                boards.update(each["data"])
        if boards and boards != self.facts.dashboards:
            self.fail("ConfigMap", "dashboards are not those of deploy/grafana/dashboards")

    # --- Slots -------------------------------------------------------------------

    def check_slots(self):
        for where, labels, pod in self.workloads():
            agent = pod["containers"][0]
            if agent["name"] != "agent":
                continue
            gpus = agent.get("resources", {}).get("limits", {}).get("nvidia.com/gpu")
            if gpus is not None:
                self.gpu_node(where, labels, pod, gpus)
            elif not any(arg.startswith("--cpu-slots=") for arg in agent["args"]):
                self.fail(where, "offers whatever it finds; limit nvidia.com/gpu or --cpu-slots")

    def gpu_node(self, where, labels, pod, gpus):
        if gpus != 8:
            self.fail(where, "is not for nodes of 8 GPUs")
        for each in pod["initContainers"] + pod["containers"]:
            if each["resources"]["requests"] != each["resources"]["limits"]:
                self.fail(where, "container %s is not of QoS Guaranteed" % each["name"])
        rules = pod.get("affinity", {}).get("podAntiAffinity", {})
        terms = rules.get("requiredDuringSchedulingIgnoredDuringExecution", [])
        apart = {t["topologyKey"] for t in terms if selects(t["labelSelector"], labels)}
        if "kubernetes.io/hostname" not in apart:
            self.fail(where, "two agents may be on one node")
        mounts = {m["mountPath"]: m["name"] for m in pod["containers"][0]["volumeMounts"]}
        in_memory = {
            volume["name"]
            for volume in pod["volumes"]
            if volume.get("emptyDir", {}).get("medium") == "Memory"
        }
        if mounts.get("/dev/shm") not in in_memory:
            self.fail(where, "/dev/shm is the container's own 64 MiB")


def main():
    root = pathlib.Path(sys.argv[1])
    facts = Facts(root)
    wrong = []
    for overlay, kinds in OVERLAYS.items():
        objects = render(root / "deploy/k8s/overlays" / overlay)
        found = [*misfits(objects), *Policy(objects, facts, kinds).check()]
        wrong += ["%s: %s" % (overlay, each) for each in found]
        print("%s: %d objects" % (overlay, len(objects)))
    for each in wrong:
        print(each, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
