"""Artifacts by target."""

from dashboard_json import dashboard, panel, variable


def board():
    of_target = '{target=~"$target"}'
    return dashboard(
        "octet-exports",
        "Octet / Exports",
        "Artifacts for edge devices: how many, how good, how large.",
        [
            panel(
                "bargauge",
                "Exports, last day",
                "By outcome; inaccurate ones lost more than their job allows.",
                "none",
                [
                    (
                        "sum by (target, outcome) (increase(octet_scheduler_exports_total"
                        + of_target
                        + "[1d]))",
                        "{{target}} {{outcome}}",
                    )
                ],
                minimum=0,
            ),
            panel(
                "bargauge",
                "Success, last day",
                "Part of the exports that succeeded.",
                "percentunit",
                [
                    (
                        'sum by (target) (increase(octet_scheduler_exports_total{outcome="succeeded",target=~"$target"}[1d])) / sum by (target) (increase(octet_scheduler_exports_total'
                        + of_target
                        + "[1d]))",
                        "{{target}}",
                    )
                ],
                minimum=0,
                maximum=1,
            ),
            panel(
                "timeseries",
                "Exports",
                "An hour, by outcome.",
                "none",
                [
                    (
                        "sum by (outcome) (rate(octet_scheduler_exports_total"
                        + of_target
                        + "[$__rate_interval])) * 3600",
                        "{{outcome}}",
                    )
                ],
            ),
            panel(
                "table",
                "Newest export of each target",
                "Top-1 of the float model and of the written file, size, and speed of the check on the node that made it.",
                "none",
                [
                    (
                        "max by (target) (octet_scheduler_export_float_top1_percent"
                        + of_target
                        + ")",
                        "float top-1 (%)",
                    ),
                    (
                        "max by (target) (octet_scheduler_export_top1_percent" + of_target + ")",
                        "file top-1 (%)",
                    ),
                    ("max by (target) (octet_scheduler_export_bytes" + of_target + ")", "bytes"),
                    (
                        "max by (target) (octet_scheduler_export_images_per_second"
                        + of_target
                        + ")",
                        "images/s",
                    ),
                ],
                24,
                8,
            ),
            panel(
                "timeseries",
                "Accuracy",
                "Top-1 of the file, and of the float model that it was made from.",
                "percent",
                [
                    ("octet_scheduler_export_top1_percent" + of_target, "{{target}}"),
                    ("octet_scheduler_export_float_top1_percent" + of_target, "{{target}} float"),
                ],
                12,
            ),
            panel(
                "timeseries",
                "Accuracy lost, 95th percentile",
                "Points of top-1 that files lost against the float model, over a day.",
                "none",
                [
                    (
                        "histogram_quantile(0.95, sum by (le, target) (increase(octet_scheduler_export_top1_drop_points_bucket"
                        + of_target
                        + "[1d])))",
                        "{{target}}",
                    )
                ],
                12,
            ),
            panel(
                "timeseries",
                "Size",
                "Bytes of the newest file.",
                "bytes",
                [("octet_scheduler_export_bytes" + of_target, "{{target}}")],
                12,
                minimum=0,
            ),
            panel(
                "timeseries",
                "Speed of the check",
                "On the node that made the file, which is not the device.",
                "suffix: images/s",
                [("octet_scheduler_export_images_per_second" + of_target, "{{target}}")],
                12,
                minimum=0,
            ),
        ],
        [variable("target", "Target", "octet_scheduler_exports_total", "As job files name it.")],
    )
