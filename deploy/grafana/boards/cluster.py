"""The whole cluster at a glance."""

from dashboard_json import dashboard, job_link, marks, panel, ROW_LINK


def board():
    return dashboard(
        "octet-cluster",
        "Octet / Cluster",
        "What the cluster does now, and what is wrong with it.",
        [
            panel(
                "stat",
                "Jobs that run",
                "Jobs with an attempt that runs.",
                "none",
                [('sum(octet_scheduler_jobs{state="running"})', "running")],
                4,
                4,
            ),
            panel(
                "stat",
                "Jobs that wait",
                "Jobs that wait, for whatever reason; see Queue and fairness.",
                "none",
                [("octet_scheduler_queue_depth", "pending")],
                4,
                4,
            ),
            panel(
                "stat",
                "Slots in use",
                "Part of all slots that jobs hold, by kind of slot.",
                "percentunit",
                [("octet:slots_used:ratio", "{{resource}}")],
                4,
                4,
                minimum=0,
                maximum=1,
            ),
            panel(
                "stat",
                "Nodes ready",
                "Nodes that take new work.",
                "none",
                [('octet_scheduler_nodes{state="ready"}', "ready")],
                4,
                4,
            ),
            panel(
                "stat",
                "Failed attempts, last hour",
                "Attempts that failed within an hour; most start again by themselves.",
                "none",
                [
                    (
                        'sum(increase(octet_scheduler_attempts_ended_total{outcome="failed"}[1h]))',
                        "failed",
                    )
                ],
                4,
                4,
            ),
            panel(
                "stat",
                "Alerts",
                "Alerts of Octet that fire; docs/runbooks says what to do about each.",
                "none",
                [
                    (
                        'count(ALERTS{alertname=~"Octet.*",alertstate="firing"}) or vector(0)',
                        "firing",
                    )
                ],
                4,
                4,
            ),
            panel(
                "timeseries",
                "Slots by state",
                "Free, used, or away: free on nodes that take no new work.",
                "none",
                [("sum by (resource, state) (octet_scheduler_slots)", "{{resource}} {{state}}")],
                stacked=True,
            ),
            panel(
                "timeseries",
                "Jobs by team",
                "Jobs that wait and jobs that run.",
                "none",
                [("octet_scheduler_jobs", "{{team}} {{state}}")],
            ),
            panel(
                "timeseries",
                "Nodes by state",
                "Ready, drained, quarantined, unfit, disconnected or lost.",
                "none",
                [("octet_scheduler_nodes", "{{state}}")],
                stacked=True,
                links=[],
            ),
            panel(
                "timeseries",
                "Attempts that ended",
                "How attempts ended, an hour.",
                "none",
                [
                    (
                        "sum by (outcome) (rate(octet_scheduler_attempts_ended_total[$__rate_interval])) * 3600",
                        "{{outcome}}",
                    )
                ],
            ),
            panel(
                "timeseries",
                "Failures by cause",
                "Failed attempts an hour, by class and cause as docs/failures.md says.",
                "none",
                [
                    (
                        "sum by (class, cause) (rate(octet_scheduler_failures_total[$__rate_interval])) * 3600",
                        "{{class}}: {{cause}}",
                    )
                ],
            ),
            panel(
                "timeseries",
                "Arithmetic",
                "Floating-point operations a second of the ten jobs that do most.",
                "flops",
                [("topk(10, octet_job_flops_per_second)", "{{job}}")],
                stacked=True,
                links=[job_link()],
            ),
            panel(
                "table",
                "Training now",
                "Every training that runs; its name leads to its dashboard.",
                "none",
                [
                    ("max by (job) (octet_job_progress_ratio)", "done (ratio)"),
                    ("max by (job) (octet_job_remaining_seconds)", "remaining (s)"),
                    ("max by (job) (octet_job_loss)", "loss"),
                    ("max by (job) (octet_job_images_per_second)", "images/s"),
                    ("max by (job) (octet_job_ranks and on (job) octet_job_step)", "ranks"),
                ],
                12,
                9,
                links=[ROW_LINK],
            ),
            panel(
                "table",
                "Nodes out of use",
                "Nodes that take no new work, and why; at most 100.",
                "none",
                [("octet_scheduler_node_away", "away")],
                12,
                9,
            ),
        ],
        annotations=marks(starts=False),
    )
