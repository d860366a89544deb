"""Who waits, and who has how much."""

from dashboard_json import dashboard, marks, panel, quantile, variable


def board():
    of_team = '{team=~"$team"}'
    return dashboard(
        "octet-queue",
        "Octet / Queue and fairness",
        "Who waits, why, and who has how much of the cluster.",
        [
            panel(
                "timeseries",
                "Why jobs wait",
                "Jobs that wait, by the first reason; octet why JOB says it of one.",
                "none",
                [("octet_scheduler_pending_jobs", "{{reason}}")],
                stacked=True,
            ),
            panel(
                "timeseries",
                "Jobs that wait, by team",
                "For whatever reason.",
                "none",
                [('octet_scheduler_jobs{state="pending",team=~"$team"}', "{{team}}")],
                stacked=True,
            ),
            panel(
                "timeseries",
                "Jobs that run, by team",
                "With an attempt that runs.",
                "none",
                [('octet_scheduler_jobs{state="running",team=~"$team"}', "{{team}}")],
                stacked=True,
            ),
            panel(
                "timeseries",
                "Wait, median",
                "From a stage's entry into the queue to its start, by team.",
                "s",
                [
                    (
                        quantile(0.5, "octet_scheduler_queue_wait_seconds", "team", of_team),
                        "{{team}}",
                    )
                ],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Wait, 95th percentile",
                "From a stage's entry into the queue to its start, by team.",
                "s",
                [
                    (
                        quantile(0.95, "octet_scheduler_queue_wait_seconds", "team", of_team),
                        "{{team}}",
                    )
                ],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Starts",
                "Attempts that were given slots, an hour.",
                "none",
                [
                    (
                        "sum by (stage) (rate(octet_scheduler_attempts_started_total[$__rate_interval])) * 3600",
                        "{{stage}}",
                    )
                ],
            ),
            panel(
                "timeseries",
                "Slots in use, by team",
                "What the team's jobs hold.",
                "none",
                [("octet_scheduler_team_used_slots" + of_team, "{{team}} {{resource}}")],
                stacked=True,
            ),
            panel(
                "timeseries",
                "Quota",
                "Slots that are the team's own when it wants them; a team without a quota is not here.",
                "none",
                [("octet_scheduler_team_quota_slots" + of_team, "{{team}} {{resource}}")],
            ),
            panel(
                "timeseries",
                "Borrowed",
                "Slots in use beyond the quota; another team that wants its own may take them back.",
                "none",
                [("octet:team_borrowed:slots" + of_team, "{{team}} {{resource}}")],
                stacked=True,
            ),
            panel(
                "timeseries",
                "Fair share",
                "A team's part of what was used lately, by its weight. Equal teams that all want more are alike.",
                "percentunit",
                [("octet:team_share:ratio" + of_team, "{{team}}")],
                minimum=0,
                maximum=1,
            ),
            panel(
                "timeseries",
                "Slots held lately",
                "The average that fair share goes by; old use counts less and less.",
                "none",
                [("octet_scheduler_team_mean_slots" + of_team, "{{team}}")],
                minimum=0,
            ),
            panel(
                "bargauge",
                "Weights",
                "A team's part of the cluster in relation to other teams' weights.",
                "none",
                [("octet_scheduler_team_weight" + of_team, "{{team}}")],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Stopped to go on",
                "Attempts an hour that were preempted, resized, requeued, or drained from a node.",
                "none",
                [
                    (
                        'sum by (outcome) (rate(octet_scheduler_attempts_ended_total{outcome=~"preempted|resized|requeued|drained"}[$__rate_interval])) * 3600',
                        "{{outcome}}",
                    )
                ],
            ),
            panel(
                "timeseries",
                "Jobs by their new state",
                "Changes an hour.",
                "none",
                [
                    (
                        "sum by (state) (rate(octet_scheduler_job_state_changes_total"
                        + of_team
                        + "[$__rate_interval])) * 3600",
                        "{{state}}",
                    )
                ],
            ),
            panel(
                "timeseries",
                "Room",
                "Free slots of the node that has the most. Much less than what is free: the cluster is fragmented.",
                "none",
                [
                    ("octet_scheduler_most_free_slots", "{{resource}} on one node"),
                    ('octet_scheduler_slots{state="free"}', "{{resource}} free"),
                ],
                minimum=0,
            ),
        ],
        [variable("team", "Team", "octet_scheduler_jobs", "As jobs name it.")],
        marks('team=~"$team"', starts=False),
    )
