"""Nodes and their GPUs."""

from dashboard_json import dashboard, marks, panel, row, ROW_LINK, variable


def board():
    of_node = '{node=~"$node"}'
    of_dcgm = '{Hostname=~"$host"}'
    return dashboard(
        "octet-nodes",
        "Octet / Nodes and GPUs",
        "What nodes have, and how much of it is in use.",
        [
            panel(
                "timeseries",
                "Slots that are busy",
                "Slots on which ranks run, by node.",
                "none",
                [('octet_agent_slots{node=~"$node",state="busy"}', "{{node}} {{resource}}")],
                stacked=True,
            ),
            panel(
                "timeseries",
                "CPU",
                "Part of the node's CPUs that was busy.",
                "percentunit",
                [
                    (
                        "rate(octet_agent_cpu_busy_seconds_total"
                        + of_node
                        + "[$__rate_interval]) / octet_agent_cpus"
                        + of_node,
                        "{{node}}",
                    )
                ],
                minimum=0,
                maximum=1,
            ),
            panel(
                "timeseries",
                "Memory",
                "Part of the node's memory that is in use.",
                "percentunit",
                [
                    (
                        "1 - octet_agent_memory_available_bytes"
                        + of_node
                        + " / octet_agent_memory_size_bytes"
                        + of_node,
                        "{{node}}",
                    )
                ],
                minimum=0,
                maximum=1,
            ),
            panel(
                "timeseries",
                "Disk that is free",
                "In the file system of the agent's folder.",
                "bytes",
                [("octet_agent_disk_free_bytes" + of_node, "{{node}}")],
                minimum=0,
            ),
            panel(
                "timeseries",
                "/dev/shm that is free",
                "Ranks pass tensors through it.",
                "bytes",
                [("octet_agent_shm_free_bytes" + of_node, "{{node}}")],
                minimum=0,
            ),
            panel(
                "timeseries",
                "Attempts that ended",
                "By how the ranks on the node ended, an hour.",
                "none",
                [
                    (
                        "rate(octet_agent_attempts_ended_total"
                        + of_node
                        + "[$__rate_interval]) * 3600",
                        "{{node}} {{outcome}}",
                    )
                ],
            ),
            panel(
                "table",
                "Jobs here",
                "Slots that jobs hold, by node; a job's name leads to its dashboard.",
                "none",
                [("sum by (node, job) (octet_job_node_slots" + of_node + ")", "slots")],
                links=[ROW_LINK],
            ),
            panel(
                "table",
                "Agents",
                "What runs on each node.",
                "none",
                [("octet_agent_info" + of_node, "here")],
            ),
            panel(
                "timeseries",
                "Agents' memory",
                "Resident memory of octet-agent.",
                "bytes",
                [("octet_agent_resident_memory_bytes" + of_node, "{{node}}")],
                minimum=0,
            ),
            row("GPUs, by the agents (NVML)"),
            panel(
                "timeseries",
                "Utilization",
                "Part of the time in which a kernel ran.",
                "percentunit",
                [("octet_agent_gpu_utilization_ratio" + of_node, "{{node}} GPU {{gpu}}")],
                minimum=0,
                maximum=1,
                needs_gpu=True,
            ),
            panel(
                "timeseries",
                "GPU memory",
                "Part of the GPU's memory that is in use.",
                "percentunit",
                [
                    (
                        "octet_agent_gpu_memory_used_bytes"
                        + of_node
                        + " / octet_agent_gpu_memory_size_bytes"
                        + of_node,
                        "{{node}} GPU {{gpu}}",
                    )
                ],
                minimum=0,
                maximum=1,
                needs_gpu=True,
            ),
            panel(
                "timeseries",
                "Power",
                "What the GPUs draw, and what they may draw.",
                "watt",
                [
                    ("octet_agent_gpu_power_watts" + of_node, "{{node}} GPU {{gpu}}"),
                    (
                        "max by (node) (octet_agent_gpu_power_limit_watts" + of_node + ")",
                        "{{node}} limit",
                    ),
                ],
                minimum=0,
                needs_gpu=True,
            ),
            panel(
                "timeseries",
                "Temperature",
                "Of the chip.",
                "celsius",
                [("octet_agent_gpu_temperature_celsius" + of_node, "{{node}} GPU {{gpu}}")],
                needs_gpu=True,
            ),
            panel(
                "timeseries",
                "Clock",
                "Of the multiprocessors.",
                "hertz",
                [("octet_agent_gpu_sm_clock_hertz" + of_node, "{{node}} GPU {{gpu}}")],
                minimum=0,
                needs_gpu=True,
            ),
            panel(
                "timeseries",
                "Slowed down",
                "1 while the clock is held down, and why.",
                "none",
                [("octet_agent_gpu_slowed_down" + of_node, "{{node}} GPU {{gpu}} {{reason}}")],
                minimum=0,
                maximum=1,
                needs_gpu=True,
            ),
            panel(
                "timeseries",
                "Memory errors",
                "ECC errors within an hour; uncorrected ones cost data.",
                "none",
                [
                    (
                        "increase(octet_agent_gpu_ecc_errors_total" + of_node + "[1h])",
                        "{{node}} GPU {{gpu}} {{kind}}",
                    )
                ],
                minimum=0,
                needs_gpu=True,
            ),
            panel(
                "table",
                "GPUs",
                "Model and UUID of each.",
                "none",
                [("octet_agent_gpu_info" + of_node, "here")],
                needs_gpu=True,
            ),
            row("GPUs, by NVIDIA's DCGM exporter, where it runs"),
            panel(
                "timeseries",
                "Tensor cores",
                "Part of the time in which they were busy.",
                "percentunit",
                [("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE" + of_dcgm, "{{Hostname}} GPU {{gpu}}")],
                minimum=0,
                maximum=1,
                needs_gpu=True,
            ),
            panel(
                "timeseries",
                "Memory interface",
                "Part of the time in which it was busy.",
                "percentunit",
                [("DCGM_FI_PROF_DRAM_ACTIVE" + of_dcgm, "{{Hostname}} GPU {{gpu}}")],
                minimum=0,
                maximum=1,
                needs_gpu=True,
            ),
            panel(
                "timeseries",
                "Compute engine",
                "Part of the time in which it was busy.",
                "percentunit",
                [("DCGM_FI_PROF_GR_ENGINE_ACTIVE" + of_dcgm, "{{Hostname}} GPU {{gpu}}")],
                minimum=0,
                maximum=1,
                needs_gpu=True,
            ),
            panel(
                "timeseries",
                "NVLink",
                "Bytes a second, sent and received; the exporter's list of counters must name them.",
                "Bps",
                [
                    ("DCGM_FI_PROF_NVLINK_TX_BYTES" + of_dcgm, "{{Hostname}} GPU {{gpu}} sent"),
                    ("DCGM_FI_PROF_NVLINK_RX_BYTES" + of_dcgm, "{{Hostname}} GPU {{gpu}} received"),
                ],
                minimum=0,
                needs_gpu=True,
            ),
            panel(
                "timeseries",
                "Newest Xid",
                "The driver's newest error; NVIDIA lists what the numbers mean.",
                "none",
                [("DCGM_FI_DEV_XID_ERRORS" + of_dcgm, "{{Hostname}} GPU {{gpu}}")],
                needs_gpu=True,
            ),
        ],
        [
            variable("node", "Node", "octet_agent_info", "As octet nodes lists it."),
            variable(
                "host",
                "DCGM host",
                "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
                "As the DCGM exporter calls it.",
                metric_label="Hostname",
            ),
        ],
        marks(),
    )
