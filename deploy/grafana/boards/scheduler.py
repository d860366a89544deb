"""The scheduler itself."""

from dashboard_json import dashboard, panel, quantile, row, variable


def board():
    of_method = '{method=~"$method"}'
    return dashboard(
        "octet-scheduler",
        "Octet / Scheduler",
        "Whether the scheduler keeps up: calls, decisions, disk.",
        [
            panel(
                "stat",
                "Up",
                "1 while Prometheus can scrape the scheduler.",
                "none",
                [('max(up{job="octet-scheduler"})', "up")],
                4,
                4,
            ),
            panel(
                "stat",
                "Version",
                "That runs.",
                "none",
                [("octet_scheduler_build_info", "{{version}}")],
                4,
                4,
                shows_name=True,
            ),
            panel(
                "stat",
                "Agents",
                "Agents with an open stream.",
                "none",
                [("octet_scheduler_connected_agents", "agents")],
                4,
                4,
            ),
            panel(
                "stat",
                "Jobs that wait",
                "For whatever reason.",
                "none",
                [("octet_scheduler_queue_depth", "pending")],
                4,
                4,
            ),
            panel(
                "stat",
                "Changes not stored",
                "Transactions that failed, ever since its start.",
                "none",
                [("octet_scheduler_store_errors_total", "errors")],
                4,
                4,
            ),
            panel(
                "stat",
                "A scrape",
                "How long the scheduler's own metrics take.",
                "s",
                [('max(scrape_duration_seconds{job="octet-scheduler"})', "scrape")],
                4,
                4,
            ),
            row("Calls"),
            panel(
                "timeseries",
                "Calls",
                "That ended, a second, by method.",
                "reqps",
                [
                    (
                        "sum by (method) (rate(octet_scheduler_rpcs_total"
                        + of_method
                        + "[$__rate_interval]))",
                        "{{method}}",
                    )
                ],
            ),
            panel(
                "timeseries",
                "Duration, 99th percentile",
                "Of unary calls, by method.",
                "s",
                [
                    (
                        quantile(0.99, "octet_scheduler_rpc_seconds", "method", of_method),
                        "{{method}}",
                    )
                ],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Answers other than OK",
                "Calls a second by gRPC status code. RESOURCE_EXHAUSTED: it refuses what it cannot take on.",
                "reqps",
                [
                    (
                        'sum by (code) (rate(octet_scheduler_rpcs_total{code!="OK",method=~"$method"}[$__rate_interval]))',
                        "{{code}}",
                    )
                ],
            ),
            row("Decisions"),
            panel(
                "timeseries",
                "Scheduling",
                "An event that made it look at the queue, and that look.",
                "s",
                [
                    (quantile(q, "octet_scheduler_pass_seconds", ""), text)
                    for q, text in ((0.5, "median"), (0.99, "99th percentile"))
                ],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Looks at the queue",
                "A second.",
                "ops",
                [("rate(octet_scheduler_pass_seconds_count[$__rate_interval])", "looks")],
                minimum=0,
            ),
            panel(
                "timeseries",
                "History",
                "Events a second, by type.",
                "ops",
                [
                    (
                        "sum by (type) (rate(octet_scheduler_events_total[$__rate_interval]))",
                        "{{type}}",
                    )
                ],
            ),
            row("Disk"),
            panel(
                "timeseries",
                "Until a change is durable",
                "From the request for a commit, the wait for its turn included.",
                "s",
                [
                    (quantile(q, "octet_scheduler_commit_seconds", ""), text)
                    for q, text in ((0.5, "median"), (0.99, "99th percentile"))
                ],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Transactions",
                "Of the store, the fsync included.",
                "s",
                [
                    (quantile(q, "octet_scheduler_store_transaction_seconds", ""), text)
                    for q, text in ((0.5, "median"), (0.99, "99th percentile"))
                ],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Changes in a transaction",
                "On average. The busier, the more share one.",
                "none",
                [
                    (
                        "rate(octet_scheduler_store_transaction_changes_sum[$__rate_interval]) / rate(octet_scheduler_store_transaction_changes_count[$__rate_interval])",
                        "changes",
                    )
                ],
                minimum=0,
            ),
            row("Process and agents"),
            panel(
                "timeseries",
                "CPU",
                "CPUs that the scheduler keeps busy.",
                "none",
                [("rate(octet_scheduler_cpu_seconds_total[$__rate_interval])", "CPUs")],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Memory",
                "Resident memory of the scheduler.",
                "bytes",
                [("octet_scheduler_resident_memory_bytes", "resident")],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Streams that agents opened",
                "Within a quarter of an hour. More than there are agents: they lose their connections.",
                "none",
                [
                    ("increase(octet_scheduler_agent_sessions_total[15m])", "opened"),
                    ("octet_scheduler_connected_agents", "agents"),
                ],
                minimum=0,
            ),
        ],
        [variable("method", "Method", "octet_scheduler_rpcs_total", "Of the API.")],
    )
