#!/usr/bin/env python3
"""Holds dashboards and rules to what the programs serve.

docs/metrics.md is the list of metrics and their labels, which a test of its own
holds to the code; what others serve stands in prometheus_others.json. Every query may use only
those, every panel has a unit and a description, every link and every variable
resolves, and every alert has a runbook and tests, firing and not.

    tests/deploy/grafana_lint.py REPOSITORY
"""

import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROW = re.compile(r"\| `(?P<name>\w+)` \| (?P<kind>\w+) \|(?P<labels>[^|]*)\|")
TOKEN = re.compile(
    r"""\s+|"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\$\w+|\$\{[^}]*\}|[A-Za-z_:][\w:]*|\d[\w.]*|=~|!~|!=|>=|<=|==|.""",
    re.S,
)
WORDS = {
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "and",
    "or",
    "unless",
    "offset",
    "bool",
    "inf",
    "nan",
}
LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
# What Prometheus puts on everything that it scrapes.
TARGET_LABELS = {"instance", "job"}
BUILTIN_VARIABLES = {"__rate_interval", "__interval", "__range"}
SCHEMA_VERSION = 39


def listed_metrics(text):
    """Name and labels of every series that docs/metrics.md lists."""
    series = {}
    for row in ROW.finditer(text):
        labels = set(re.findall(r"`(\w+)`", row["labels"]))
        if row["kind"] == "histogram":
            for suffix, more in (("_bucket", {"le"}), ("_sum", set()), ("_count", set())):
                series[row["name"] + suffix] = labels | more
        else:
            series[row["name"]] = labels
    return series


def tokens_of(expr):
    return [token for token in TOKEN.findall(expr) if not token.isspace()]


def names_in(expr):
    """(metrics with the labels they are asked for, labels named by operators)."""
    tokens = tokens_of(expr)
    metrics, grouping, i = [], set(), 0
    while i < len(tokens):
        token, following = tokens[i], tokens[i + 1] if i + 1 < len(tokens) else ""
        if token in LISTS and following == "(":
            end = tokens.index(")", i)
            grouping |= {each for each in tokens[i + 2 : end] if each != ","}
            i = end
        elif (
            re.match(r"[A-Za-z_:]", token) and token not in WORDS and following not in LISTS | {"("}
        ):
            labels = set()
            if following == "{":
                end = tokens.index("}", i)
                labels = {
                    tokens[k] for k in range(i + 2, end) if tokens[k + 1] in ("=", "!=", "=~", "!~")
                }
                i = end
            metrics.append((token, labels))
        i += 1
    return metrics, grouping


class Linter:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.series = listed_metrics((self.root / "docs/metrics.md").read_text())
        self.series.update(
            {
                name: set(labels)
                for name, labels in json.loads(
                    (HERE / "prometheus_others.json").read_text()
                ).items()
            }
        )
        self.recorded = {}
        self.wrong = []
        self.boards = {}

    def fail(self, where, what):
        self.wrong.append("%s: %s" % (where, what))

    def labels_of(self, metric):
        """None: there is no such metric."""
        if metric in self.series:
            return self.series[metric] | TARGET_LABELS
        return self.recorded.get(metric)

    def check_query(self, where, expr):
        metrics, grouping = names_in(expr)
        if not metrics:
            self.fail(where, "a query of nothing: " + expr)
        known = set()
        for metric, labels in metrics:
            there = self.labels_of(metric)
            if there is None:
                self.fail(where, "nobody serves %s" % metric)
                continue
            known |= there
            for label in labels - there:
                self.fail(where, "%s has no label %s" % (metric, label))
        for label in grouping - known - {"le"}:
            self.fail(where, "no metric of the query has the label %s" % label)

    def result_labels(self, expr):
        """Labels that a rule's outcome can have: those of its outermost list, else of its metrics."""
        by = re.match(r"[\w(. ,]*?\bby \(([^)]*)\)", expr.lstrip("("))
        if by:
            return {each.strip() for each in by.group(1).split(",")} - {"le"}
        metrics, _ = names_in(expr)
        return set().union(*(self.labels_of(metric) or set() for metric, _ in metrics))

    # --- Rules -----------------------------------------------------------------

    def rules(self):
        for path in sorted((self.root / "deploy/prometheus/rules").glob("*.yaml")):
            for rule in rules_in(path.read_text()):
                yield path.name, rule

    def check_rules(self):
        rules = list(self.rules())
        for file, rule in rules:
            if "record" in rule:
                self.recorded[rule["record"]] = self.result_labels(rule["expr"])
        tests = (self.root / "tests/deploy/prometheus_rules_test.yaml").read_text()
        alerts = [rule["alert"] for _, rule in rules if "alert" in rule]
        for file, rule in rules:
            self.check_query("%s, %s" % (file, rule.get("alert") or rule["record"]), rule["expr"])
        for alert in alerts:
            self.check_alert(alert, tests)
        for path in (self.root / "docs/runbooks").glob("*.md"):
            if path.stem not in alerts:
                self.fail(path.name, "a runbook of no alert")

    def check_alert(self, alert, tests):
        book = self.root / "docs/runbooks" / (alert + ".md")
        text = book.read_text() if book.exists() else ""
        for part in ("# " + alert, "## How to look", "## What to do"):
            if part not in text:
                self.fail(alert, '%s lacks "%s"' % (book.relative_to(self.root), part))
        expected = re.findall(r"alertname: %s\n\s+exp_alerts:(.*)" % alert, tests)
        if not any(each.strip() == "" for each in expected):
            self.fail(alert, "no test in which it fires")
        if not any(each.strip() == "[]" for each in expected):
            self.fail(alert, "no test in which it is quiet")

    # --- Dashboards ------------------------------------------------------------

    def check_boards(self):
        for path in sorted((self.root / "deploy/grafana/dashboards").glob("*.json")):
            board = json.loads(path.read_text())
            self.boards[board["uid"]] = board
            if path.stem != board["uid"]:
                self.fail(path.name, "its uid is %s" % board["uid"])
        for uid, board in self.boards.items():
            self.check_board(uid, board)

    def check_board(self, uid, board):
        variables = {each["name"] for each in board["templating"]["list"]}
        if (
            board.get("id") is not None
            or board["schemaVersion"] != SCHEMA_VERSION
            or "octet" not in board["tags"]
        ):
            self.fail(
                uid, "id, schemaVersion and tags are not those of a dashboard to be provisioned"
            )
        for each in board["templating"]["list"]:
            if each["type"] == "query":
                inner = re.fullmatch(r"label_values\((.+), (\w+)\)", each["query"]["query"])
                self.check_query(
                    "%s, variable %s" % (uid, each["name"]),
                    "sum by (%s) (%s)" % (inner[2], inner[1]),
                )
        for each in board["annotations"]["list"]:
            if "expr" in each:
                self.check_target("%s, annotation %s" % (uid, each["name"]), each, variables)
        panels = board["panels"]
        for key, values in (
            ("id", [each["id"] for each in panels]),
            ("title", [each["title"] for each in panels if each["type"] != "row"]),
        ):
            if len(values) != len(set(values)):
                self.fail(uid, "two panels have the same " + key)
        self.check_overlap(uid, panels)
        for panel in panels:
            if panel["type"] != "row":
                self.check_panel("%s, %s" % (uid, panel["title"]), panel, variables)

    def check_overlap(self, uid, panels):
        taken = set()
        for panel in panels:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            if taken & cells or at["x"] + at["w"] > 24:
                self.fail(uid, "%s lies on another panel or beyond the edge" % panel["title"])
            taken |= cells

    def check_panel(self, where, panel, variables):
        defaults = panel["fieldConfig"]["defaults"]
        if not panel.get("description"):
            self.fail(where, "no description")
        if not defaults.get("unit"):
            self.fail(where, "no unit")
        if not panel["targets"]:
            self.fail(where, "no query")
        for target in panel["targets"]:
            self.check_target(where, target, variables)
        for link in defaults.get("links", []):
            self.check_link(where, link["url"])

    def check_target(self, where, target, variables):
        if target["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
            self.fail(where, "its data source is not the variable's")
        for used in re.findall(r"\$(\w+)", target["expr"]):
            if used not in variables | BUILTIN_VARIABLES:
                self.fail(where, "there is no variable $%s" % used)
        self.check_query(where, target["expr"])

    def check_link(self, where, url):
        match = re.match(r"/d/([\w-]+)\?", url)
        if match is None or match[1] not in self.boards:
            self.fail(where, "the link %s leads nowhere" % url)
            return
        there = {each["name"] for each in self.boards[match[1]]["templating"]["list"]}
        for variable in re.findall(r"[?&]var-(\w+)=", url):
            if variable not in there:
                self.fail(where, "%s has no variable %s" % (match[1], variable))


def rules_in(text):
    """The rules of a file, whose YAML is of a simple form: no library is needed for it."""
    rule, expr_indent = None, None
    for line in text.splitlines() + ["      - end:"]:
        body = line.strip()
        if expr_indent is not None and (not body or len(line) - len(line.lstrip()) > expr_indent):
            rule["expr"] += " " + body
            continue
        expr_indent = None
        head = re.match(r"- (alert|record|end):\s*(\S*)", body)
        if head:
            if rule:
                yield {**rule, "expr": rule["expr"].strip()}
            rule = {head[1]: head[2], "expr": ""}
        elif rule and body.startswith("expr:"):
            rest = body[len("expr:") :].strip()
            if rest == ">-":
                expr_indent = len(line) - len(line.lstrip())
            else:
                rule["expr"] = rest


def problems(root):
    linter = Linter(root)
    linter.check_rules()
    linter.check_boards()
    return linter.wrong


def main():
    root = pathlib.Path(sys.argv[1])
    wrong = problems(root)
    generated = subprocess.run(
        [sys.executable, "-B", root / "deploy/grafana/generate.py", "--check"],
        capture_output=True,
        text=True,
    )
    if generated.returncode != 0:
        wrong.append(generated.stderr.strip())
    for each in wrong:
        print(each, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
