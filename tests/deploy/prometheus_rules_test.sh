#!/usr/bin/env bash
# The rules are well formed, and each alert fires when it should and not otherwise.
set -euo pipefail
cd "$(dirname "$0")/../.."
rules=deploy/prometheus/rules

# promtool looks for rule files beside the tests.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$rules"/*.yaml tests/deploy/prometheus_rules_test.yaml "$folder"
promtool check rules "$rules"/*.yaml
promtool check config deploy/prometheus/prometheus.yaml
promtool test rules "$folder/prometheus_rules_test.yaml"
