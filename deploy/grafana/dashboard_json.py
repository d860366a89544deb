"""The JSON that Grafana 11 exports, from a few words."""

import json

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GRID = 24

# What every figure of one kind has in common.
OPTIONS = {
    "timeseries": {
        "legend": {
            "calcs": ["lastNotNull", "max"],
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "auto",
    },
    "bargauge": {
        "displayMode": "gradient",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
    },
    "table": {"cellHeight": "sm", "footer": {"show": False}, "showHeader": True},
}

STARTS = 'event="started"'
STOPS = 'event=~"preempted|resized|requeued|drained"'
FAILURES = 'event="failed"'
NODE_LINK = {
    "title": "This node",
    "url": "/d/octet-nodes?var-node=${__field.labels.node}&${datasource:queryparam}&${__url_time_range}",
}
# Where a table has a row a job.
ROW_LINK = {
    "title": "This job",
    "url": "/d/octet-job?var-job=${__data.fields.job}&${datasource:queryparam}&${__url_time_range}",
}


def job_link(label="job"):
    return {
        "title": "This job",
        "url": "/d/octet-job?var-job=${__field.labels.%s}&${datasource:queryparam}&${__url_time_range}"
        % label,
    }


def panel(
    kind,
    title,
    description,
    unit,
    queries,
    width=8,
    height=8,
    stacked=False,
    links=(),
    minimum=None,
    maximum=None,
    needs_gpu=False,
    shows_name=False,
):
    """queries: (PromQL, legend) pairs; of a table: (PromQL, column), and where there are
    several they must have the same labels, or their rows would not be merged."""
    targets = []
    for index, (expr, legend) in enumerate(queries):
        targets.append(
            {
                "datasource": DATASOURCE,
                "editorMode": "code",
                "expr": expr,
                "format": "table" if kind == "table" else "time_series",
                "instant": kind in ("table", "bargauge"),
                "legendFormat": legend,
                "range": kind in ("timeseries", "stat"),
                "refId": chr(ord("A") + index),
            }
        )
    defaults = {
        "color": {"mode": "palette-classic"},
        "links": list(links),
        "unit": unit,
        "thresholds": {"mode": "absolute", "steps": [{"color": "green", "value": None}]},
    }
    if minimum is not None:
        defaults["min"] = minimum
    if maximum is not None:
        defaults["max"] = maximum
    if kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "line",
            "fillOpacity": 30 if stacked else 8,
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": True,
            "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        }
    result = {
        "datasource": DATASOURCE,
        "description": description,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "gridPos": {"h": height, "w": width, "x": 0, "y": 0},
        "options": OPTIONS[kind],
        "pluginVersion": "11.0.0",
        "targets": targets,
        "title": title,
        "type": kind,
    }
    if kind == "table":
        result["transformations"] = [
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {
                        name: True
                        for name in (
                            "Time",
                            "__name__",
                            "instance",
                            "endpoint",
                            "namespace",
                            "pod",
                            "service",
                            "container",
                        )
                    },
                    "indexByName": {},
                    "renameByName": (
                        {"Value #" + target["refId"]: target["legendFormat"] for target in targets}
                        if len(targets) > 1
                        else {"Value": targets[0]["legendFormat"]}
                    ),
                },
            },
        ]
    if shows_name:
        result["options"] = {**OPTIONS[kind], "textMode": "name", "graphMode": "none"}
    if needs_gpu:
        result["description"] += " Empty without GPUs."
    return result


def row(title):
    return {
        "collapsed": False,
        "gridPos": {"h": 1, "w": GRID, "x": 0, "y": 0},
        "panels": [],
        "title": title,
        "type": "row",
    }


def variable(name, label, metric, help_text, many=True, metric_label=None):
    query = "label_values(%s, %s)" % (metric, metric_label or name)
    return {
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]} if many else {},
        "datasource": DATASOURCE,
        "definition": query,
        "description": help_text,
        "hide": 0,
        "includeAll": many,
        "label": label,
        "multi": many,
        "name": name,
        "options": [],
        "query": {
            "qryType": 1,
            "query": query,
            "refId": "PrometheusVariableQueryEditor-VariableQuery",
        },
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 7,
        "type": "query",
    }


def annotation(name, selector, color, enabled=True):
    """Marks each attempt's start or end where it happened: the series' value is its time."""
    expr = "octet_job_event_timestamp_seconds{%s} * 1000" % selector
    return {
        "datasource": DATASOURCE,
        "enable": enabled,
        "expr": expr,
        "hide": False,
        "iconColor": color,
        "name": name,
        "step": "15s",
        "tagKeys": "team",
        "target": {"expr": expr, "interval": "15s", "refId": "Anno"},
        "textFormat": "{{job}} of team {{team}}: {{event}}",
        "titleFormat": "{{job}} {{event}}",
        "useValueForTime": True,
    }


def marks(selector="", starts=True):
    """Starts, stops and failures; selector: of which jobs."""
    both = lambda event: ",".join(filter(None, (selector, event)))
    return [
        annotation("Starts", both(STARTS), "green", starts),
        annotation("Stopped to go on", both(STOPS), "orange"),
        annotation("Failures", both(FAILURES), "red"),
    ]


def quantile(q, metric, labels, selector=""):
    by = ", ".join(["le"] + ([labels] if labels else []))
    return "histogram_quantile(%s, sum by (%s) (rate(%s_bucket%s[$__rate_interval])))" % (
        q,
        by,
        metric,
        selector,
    )


def place(panels):
    """Fills lines from left to right; a row heads a line of its own."""
    x = y = line = 0
    for number, each in enumerate(panels, 1):
        size = each["gridPos"]
        if x + size["w"] > GRID or each["type"] == "row":
            x, y, line = 0, y + line, 0
        size["x"], size["y"] = x, y
        x, line = x + size["w"], max(line, size["h"])
        each["id"] = number
    return panels


def dashboard(uid, title, description, panels, variables=(), annotations=()):
    return {
        "annotations": {
            "list": [
                {
                    "builtIn": 1,
                    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
                    "enable": True,
                    "hide": True,
                    "iconColor": "rgba(0, 211, 255, 1)",
                    "name": "Annotations & Alerts",
                    "type": "dashboard",
                },
                *annotations,
            ]
        },
        "description": description,
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [
            {
                "asDropdown": False,
                "icon": "external link",
                "includeVars": False,
                "keepTime": True,
                "tags": ["octet"],
                "targetBlank": False,
                "title": "Octet",
                "tooltip": "The other dashboards",
                "type": "dashboards",
                "url": "",
            }
        ],
        "panels": place(panels),
        "refresh": "30s",
        "schemaVersion": 39,
        "tags": ["octet"],
        "templating": {
            "list": [
                {
                    "current": {},
                    "description": "The Prometheus that scrapes Octet.",
                    "hide": 0,
                    "includeAll": False,
                    "label": "Data source",
                    "multi": False,
                    "name": "datasource",
                    "options": [],
                    "query": "prometheus",
                    "refresh": 1,
                    "regex": "",
                    "skipUrlSync": False,
                    "type": "datasource",
                },
                *variables,
            ]
        },
        "time": {"from": "now-3h", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": title,
        "uid": uid,
        "version": 1,
        "weekStart": "",
    }


def text_of(board):
    return json.dumps(board, indent=2, sort_keys=True) + "\n"
