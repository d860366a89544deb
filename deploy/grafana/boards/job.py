"""One job."""

from dashboard_json import dashboard, marks, NODE_LINK, panel, row, variable


def board():
    of_job = '{job="$job"}'
    return dashboard(
        "octet-job",
        "Octet / Job",
        "One job: how far it is, how good, how fast, and where its time goes.",
        [
            panel(
                "stat",
                "Attempt",
                "Number of the attempt that runs; more than 1: it was stopped or failed before.",
                "none",
                [("octet_job_attempt" + of_job, "attempt")],
                3,
                4,
            ),
            panel(
                "stat",
                "Ranks",
                "Processes of the attempt, on all nodes.",
                "none",
                [("octet_job_ranks" + of_job, "ranks")],
                3,
                4,
            ),
            panel(
                "stat",
                "Done",
                "Part of the training's steps that is done.",
                "percentunit",
                [("octet_job_progress_ratio" + of_job, "done")],
                4,
                4,
                minimum=0,
                maximum=1,
            ),
            panel(
                "stat",
                "Remaining",
                "Estimated until the training's end.",
                "s",
                [("octet_job_remaining_seconds" + of_job, "remaining")],
                4,
                4,
            ),
            panel(
                "stat",
                "Epoch",
                "Passes over the training images.",
                "none",
                [("octet_job_epoch" + of_job, "epoch")],
                3,
                4,
            ),
            panel(
                "stat",
                "Speed",
                "Training images a second over all ranks.",
                "suffix: images/s",
                [("octet_job_images_per_second" + of_job, "images/s")],
                4,
                4,
            ),
            panel(
                "stat",
                "Steps",
                "Optimizer steps done.",
                "none",
                [("octet_job_step" + of_job, "step")],
                3,
                4,
            ),
            row("How good"),
            panel(
                "timeseries",
                "Loss",
                "Training loss, averaged over all ranks.",
                "none",
                [("octet_job_loss" + of_job, "loss")],
            ),
            panel(
                "timeseries",
                "Top-1",
                "Of the newest training batch, and on the test split at the last evaluation.",
                "percent",
                [
                    ("octet_job_train_top1_percent" + of_job, "training batch"),
                    ("octet_job_top1_percent" + of_job, "test split"),
                ],
                minimum=0,
                maximum=100,
            ),
            panel(
                "timeseries",
                "Learning rate",
                "Of the newest step.",
                "none",
                [("octet_job_learning_rate" + of_job, "learning rate")],
            ),
            row("How fast"),
            panel(
                "timeseries",
                "Images a second",
                "Over all ranks; evaluations and checkpoints left out.",
                "suffix: images/s",
                [("octet_job_images_per_second" + of_job, "images/s")],
                minimum=0,
            ),
            panel(
                "timeseries",
                "FLOPS",
                "Floating-point operations a second that the training's images needed, by the model graph's count.",
                "flops",
                [("octet_job_flops_per_second" + of_job, "FLOPS")],
                minimum=0,
            ),
            panel(
                "timeseries",
                "MFU",
                "Model FLOPS utilization: FLOPS by what the accelerators could do at most (TensorFloat32, dense).",
                "percentunit",
                [("octet_job_mfu_ratio" + of_job, "MFU")],
                minimum=0,
                maximum=1,
                needs_gpu=True,
            ),
            panel(
                "timeseries",
                "A step's time",
                "Mean over ranks: waiting for data, computing, waiting for the other ranks.",
                "s",
                [("octet_job_step_seconds" + of_job, "{{phase}}")],
                stacked=True,
                minimum=0,
            ),
            panel(
                "timeseries",
                "Time split",
                "Parts of a step's time.",
                "percentunit",
                [
                    (
                        "octet_job_step_seconds"
                        + of_job
                        + " / on (job) group_left () sum by (job) (octet_job_step_seconds"
                        + of_job
                        + ")",
                        "{{phase}}",
                    )
                ],
                stacked=True,
                minimum=0,
                maximum=1,
            ),
            panel(
                "timeseries",
                "Slowest rank against the mean",
                "Own time for data and computing. Much above 1: one rank holds up the others.",
                "none",
                [("octet:job_rank_imbalance:ratio" + of_job, "slowest / mean")],
                minimum=0,
            ),
            row("Ranks"),
            panel(
                "timeseries",
                "Fastest and slowest rank",
                "A step's own time, for data and computing, without the wait for others.",
                "s",
                [
                    (
                        'max by (job) (sum by (job, rank) (octet_job_rank_step_seconds{job="$job",phase!="communication"}))',
                        "slowest",
                    ),
                    (
                        'min by (job) (sum by (job, rank) (octet_job_rank_step_seconds{job="$job",phase!="communication"}))',
                        "fastest",
                    ),
                ],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Each rank's step",
                "A step's own time by rank, for data and computing.",
                "s",
                [
                    (
                        'sum by (rank) (octet_job_rank_step_seconds{job="$job",phase!="communication"})',
                        "rank {{rank}}",
                    )
                ],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Waiting for others",
                "A step's time by rank in which it waited for the all-reduce; the slowest rank waits least.",
                "s",
                [
                    (
                        'octet_job_rank_step_seconds{job="$job",phase="communication"}',
                        "rank {{rank}}",
                    )
                ],
                minimum=0,
            ),
            panel(
                "timeseries",
                "CPU by rank",
                "CPUs that the rank's process keeps busy.",
                "none",
                [
                    (
                        'rate(octet_job_rank_cpu_seconds_total{job="$job"}[$__rate_interval])',
                        "rank {{rank}}",
                    )
                ],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Memory by rank",
                "Resident memory of the rank's process.",
                "bytes",
                [("octet_job_rank_resident_memory_bytes" + of_job, "rank {{rank}}")],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Slots by node",
                "Where the job runs.",
                "none",
                [("octet_job_node_slots" + of_job, "{{node}}")],
                stacked=True,
                links=[NODE_LINK],
            ),
        ],
        [variable("job", "Job", "octet_job_attempt", "As octet jobs lists it.", many=False)],
        marks('job="$job"'),
    )
