#!/usr/bin/env python3
"""Writes prometheus-rules.yaml from deploy/prometheus/rules: Prometheus' operator wants
the rules inside an object of its own. --check only compares."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
RULES = HERE.parents[1] / "prometheus/rules"
HEAD = """\
# Made by generate.py from deploy/prometheus/rules.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: octet
spec:
  groups:
"""


def groups_of(path):
    """The lines below `groups:`, one level deeper."""
    _, _, body = path.read_text().partition("\ngroups:\n")
    if not body:
        sys.exit("%s: no line `groups:` after its first comment" % path)
    return "".join("  " + line if line.strip() else line for line in body.splitlines(True))


def main():
    text = HEAD + "\n".join(groups_of(path) for path in sorted(RULES.glob("*.yaml")))
    made = HERE / "prometheus-rules.yaml"
    if "--check" not in sys.argv:
        made.write_text(text)
    elif not made.exists() or made.read_text() != text:
        sys.exit("%s is stale; run deploy/k8s/monitoring/generate.py" % made.name)


if __name__ == "__main__":
    main()
