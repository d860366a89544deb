#!/usr/bin/env python3
"""The linter finds each kind of mistake, made on purpose in a copy, and none where there is none."""

import json
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import grafana_lint  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ("deploy/grafana/dashboards", "deploy/prometheus/rules", "docs/runbooks", "tests/deploy")


class QueryTest(unittest.TestCase):
    def test_metrics_are_told_from_functions_operators_and_labels(self):
        metrics, grouping = grafana_lint.names_in(
            'histogram_quantile(0.99, sum by (le, team) (rate(a_bucket{team=~"$team",x!="b c"}[5m] offset 1h)))'
            " / on (job) group_left () c_total > bool 1e3"
        )
        self.assertEqual(metrics, [("a_bucket", {"team", "x"}), ("c_total", set())])
        self.assertEqual(grouping, {"le", "team", "job"})

    def test_a_label_value_is_no_metric(self):
        metrics, _ = grafana_lint.names_in('up{job="node_lost"} and on () vector(0)')
        self.assertEqual(metrics, [("up", {"job"})])

    def test_histograms_are_three_series(self):
        series = grafana_lint.listed_metrics(
            "| `a_seconds` | histogram | `m` | text |\n| `b` | gauge | | text |\n"
        )
        self.assertEqual(
            series,
            {
                "a_seconds_bucket": {"m", "le"},
                "a_seconds_sum": {"m"},
                "a_seconds_count": {"m"},
                "b": set(),
            },
        )


class MistakeTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        for part in PARTS:
            shutil.copytree(
                ROOT / part, self.root / part, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(ROOT / "docs/metrics.md", self.root / "docs")

    def tearDown(self):
        shutil.rmtree(self.root)

    def edit(self, path, old, new):
        text = (self.root / path).read_text()
        self.assertIn(old, text)
        (self.root / path).write_text(text.replace(old, new))

    def change_panel(self, change):
        path = self.root / "deploy/grafana/dashboards/octet-cluster.json"
        board = json.loads(path.read_text())
        change(board["panels"][0])
        path.write_text(json.dumps(board))

    def found(self, text):
        wrong = "\n".join(grafana_lint.problems(self.root))
        self.assertIn(text, wrong)

    def test_as_it_is_nothing_is_wrong(self):
        self.assertEqual(grafana_lint.problems(self.root), [])

    def test_a_metric_that_is_gone(self):
        self.edit("docs/metrics.md", "| `octet_job_loss` |", "| `octet_job_losses` |")
        self.found("octet-job, Loss: nobody serves octet_job_loss")

    def test_a_label_that_is_gone(self):
        self.edit(
            "docs/metrics.md",
            "| `octet_scheduler_slots` | gauge | `resource`, `state` |",
            "| `octet_scheduler_slots` | gauge | `resource` |",
        )
        self.found("octet_scheduler_slots has no label state")

    def test_a_recorded_series_without_the_label(self):
        self.edit("deploy/prometheus/rules/recording.yaml", "sum by (code)", "sum by (method)")
        self.found("octet:rpcs:ratio_5m has no label code")

    def test_a_panel_without_description_unit_or_data_source(self):
        self.change_panel(lambda panel: panel.update(description=""))
        self.found("Jobs that run: no description")
        self.change_panel(lambda panel: panel["fieldConfig"]["defaults"].pop("unit"))
        self.found("Jobs that run: no unit")
        self.change_panel(
            lambda panel: panel["targets"][0].update(
                datasource={"type": "prometheus", "uid": "abc"}
            )
        )
        self.found("Jobs that run: its data source is not the variable's")

    def test_an_unknown_variable(self):
        self.change_panel(
            lambda panel: panel["targets"][0].update(expr='octet_scheduler_jobs{team="$group"}')
        )
        self.found("there is no variable $group")

    def test_links_that_lead_nowhere(self):
        self.change_panel(
            lambda panel: panel["fieldConfig"]["defaults"].update(
                links=[{"url": "/d/octet-cats?x=1"}]
            )
        )
        self.found("the link /d/octet-cats?x=1 leads nowhere")
        self.change_panel(
            lambda panel: panel["fieldConfig"]["defaults"].update(
                links=[{"url": "/d/octet-job?var-cat=1"}]
            )
        )
        self.found("octet-job has no variable cat")

    def test_an_alert_without_runbook_or_tests(self):
        (self.root / "docs/runbooks/OctetAgentDown.md").unlink()
        self.found("docs/runbooks/OctetAgentDown.md lacks")
        self.edit(
            "tests/deploy/prometheus_rules_test.yaml",
            "alertname: OctetStoreSlow\n",
            "alertname: OctetStoreFast\n",
        )
        self.found("OctetStoreSlow: no test in which it fires")
        self.found("OctetStoreSlow: no test in which it is quiet")

    def test_a_runbook_of_no_alert(self):
        (self.root / "docs/runbooks/OctetTired.md").write_text("# OctetTired\n")
        self.found("OctetTired.md: a runbook of no alert")


if __name__ == "__main__":
    unittest.main()
