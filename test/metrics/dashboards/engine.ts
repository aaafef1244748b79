import { type DashboardPlan, mean, panel, quantiles, sumRate, WINDOW } from "./panel.js";

/** The engine: batches, steps, restarts, GPUs and the processes around them. */
export const ENGINE: DashboardPlan = {
  uid: "latentfarm-engine",
  title: "Latentfarm: engine",
  description: "Step batches, restarts and resumes, GPUs, and the processes",
  hasPrice: false,
  rows: [
    {
      title: "Steps",
      panels: [
        panel(
          {
            title: "Rows of a step batch",
            unit: "short",
            description: "Mean rows, and the rows that a batch could have.",
          },
          [mean("farm_batch_rows"), "rows"],
          ["max(farm_batch_cap_rows)", "cap"],
        ),
        panel(
          { title: "Seconds of a step batch", unit: "s", description: "What one call of the network takes." },
          ...quantiles("farm_batch_seconds"),
        ),
        panel(
          {
            title: "Why batches stop growing",
            unit: "ops",
            description:
              "empty: nothing more waited; rows, patches: a cap; fault: parts of a batch that failed.",
          },
          [sumRate("farm_batches_total", "limit"), "{{limit}}"],
        ),
        panel(
          {
            title: "Batches that failed",
            unit: "ops",
            description: "They are run again in parts; out of memory lowers the cap of their size.",
          },
          [sumRate('farm_batches_total{outcome!="ok"}', "outcome"), "{{outcome}}"],
        ),
        panel(
          {
            title: "Work",
            unit: "short",
            description: "Megapixel-steps a second: drawn, and what the live workers can.",
          },
          [sumRate("farm_cost_megapixel_steps_total"), "drawn"],
          ["sum(max by (model) (farm_rate_megapixel_steps_per_second))", "rate while busy"],
        ),
        panel(
          {
            title: "Seconds in the text encoders and the VAE",
            unit: "s",
            description: "95th percentile of drawn frames.",
          },
          [
            `histogram_quantile(0.95, sum by (le, phase) (rate(farm_phase_seconds_bucket{phase=~"text|vae"}[${WINDOW}])))`,
            "{{phase}}",
          ],
        ),
      ],
    },
    {
      title: "Faults",
      panels: [
        panel(
          {
            title: "Attempts at frames",
            unit: "ops",
            description: "failed ones are tried again up to the cap; interrupted ones burn no try.",
          },
          [sumRate("farm_frame_attempts_total", "outcome"), "{{outcome}}"],
        ),
        panel(
          {
            title: "Engine restarts",
            unit: "short",
            description: "In the window; frames in flight go on from snapshots.",
          },
          [`sum by (instance) (increase(farm_engine_restarts_total[${WINDOW}]))`, "{{instance}}"],
          ["sum(farm_engine_up)", "engines up"],
        ),
        panel(
          {
            title: "Steps saved by snapshots",
            unit: "short",
            description: "Steps in the window that were not drawn again.",
          },
          [`sum(increase(farm_resumed_steps_total[${WINDOW}]))`, "steps"],
          [`sum by (outcome) (increase(farm_resumes_total[${WINDOW}]))`, "frames {{outcome}}"],
        ),
        panel(
          { title: "Frames in flight", unit: "short", description: "By worker; a sick worker takes none." },
          ["sum by (instance) (farm_worker_frames)", "{{instance}}"],
          ["sum(farm_worker_sick)", "sick workers"],
        ),
      ],
    },
    {
      title: "GPUs",
      panels: [
        panel(
          { title: "GPU busy", unit: "percentunit", description: "Share of the time in which a kernel ran." },
          ["max by (instance, gpu) (farm_gpu_busy_ratio)", "{{instance}} {{gpu}}"],
        ),
        panel(
          { title: "GPU memory", unit: "bytes", description: "In use by all programs, and what there is." },
          ["max by (instance, gpu) (farm_gpu_memory_bytes)", "{{instance}} {{gpu}}"],
          ["max(farm_gpu_memory_max_bytes)", "largest"],
        ),
        panel(
          {
            title: "GPU power",
            unit: "watt",
            description: "A busy GPU far below its limit waits for memory or is throttled.",
          },
          ["max by (instance, gpu) (farm_gpu_power_watts)", "{{instance}} {{gpu}}"],
        ),
        panel({ title: "GPU temperature", unit: "celsius", description: "Of the die." }, [
          "max by (instance, gpu) (farm_gpu_temperature_celsius)",
          "{{instance}} {{gpu}}",
        ]),
      ],
    },
    {
      title: "Processes",
      panels: [
        panel(
          {
            title: "Pod deletion cost",
            unit: "short",
            description: "Kubernetes ends the cheapest pod first; updates that fail leave the last figure.",
          },
          ["max by (instance) (farm_pod_deletion_cost)", "{{instance}}"],
          [`sum by (outcome) (increase(farm_pod_cost_updates_total[${WINDOW}]))`, "updates {{outcome}}"],
        ),
        panel(
          {
            title: "CPU",
            unit: "short",
            description: "Cores in use; the engine is a process of its own beside its worker.",
          },
          [sumRate("process_cpu_seconds_total", "job, instance"), "{{job}} {{instance}}"],
        ),
        panel(
          { title: "Memory", unit: "bytes", description: "Resident; the engine's is not in its worker's." },
          ["sum by (job, instance) (process_resident_memory_bytes)", "{{job}} {{instance}}"],
        ),
        panel(
          {
            title: "Event loop lag",
            unit: "s",
            description:
              "How late 99 of 100 turns were at most; a process that is seconds late loses its locks.",
          },
          ["max by (job, instance) (nodejs_eventloop_lag_p99_seconds)", "{{job}} {{instance}}"],
        ),
      ],
    },
  ],
};
