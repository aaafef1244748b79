import { type DashboardPlan, farmRate, PRICE_VARIABLE, panel, quantiles, sumRate } from "./panel.js";

const SUCCEEDED = farmRate("farm_frames_succeeded_total");
const FAILED = farmRate("farm_frames_failed_total");

/** The farm at a glance: what it makes, how fast, how well, for how much, and whether what it stands on is well. */
export const OVERVIEW: DashboardPlan = {
  uid: "latentfarm-overview",
  title: "Latentfarm: farm overview",
  description: "What the farm makes, how fast, how well and for how much",
  hasPrice: true,
  rows: [
    {
      title: "Pictures",
      panels: [
        panel(
          {
            title: "Pictures per minute",
            unit: "short",
            description: "Frames drawn and stored, and those that failed for good.",
          },
          [`60 * ${SUCCEEDED}`, "succeeded"],
          [`60 * ${FAILED}`, "failed"],
        ),
        panel(
          {
            title: "Backlog",
            unit: "s",
            description: "Seconds of work ahead at the measured rate; KEDA scales workers on it.",
          },
          ["max by (model) (farm_backlog_seconds)", "{{model}}"],
        ),
        panel(
          {
            title: "Success rate",
            unit: "percentunit",
            description: "Share of the frames that ended well of those that ended; the objective is 99 %.",
          },
          [`${SUCCEEDED} / (${SUCCEEDED} + ${FAILED})`, "succeeded"],
        ),
        panel(
          {
            title: "Seconds from request to picture",
            unit: "s",
            description: "From the job's creation to the stored picture, the wait in the queue included.",
          },
          ...quantiles("farm_frame_seconds"),
        ),
        panel(
          {
            title: "GPU cost per 1,000 pictures",
            unit: "short",
            description:
              "All live workers at the hourly price above, idle ones too; nothing is told while nothing is drawn.",
          },
          [`1000 * $${PRICE_VARIABLE} / 3600 * max(farm_workers) / (${SUCCEEDED} > 0)`, "per 1,000"],
        ),
        panel(
          {
            title: "Where a picture's time goes",
            unit: "s",
            description: "Mean seconds of each phase of the frames drawn.",
          },
          [
            `${sumRate("farm_phase_seconds_sum", "phase")} / ${sumRate("farm_phase_seconds_count", "phase")}`,
            "{{phase}}",
          ],
        ),
      ],
    },
    {
      title: "Gateways",
      panels: [
        panel(
          {
            title: "Requests",
            unit: "reqps",
            description: "Answers by class of status; event streams count when they end.",
          },
          [sumRate("farm_http_request_seconds_count", "status_class"), "{{status_class}}"],
        ),
        panel(
          {
            title: "Seconds of requests",
            unit: "s",
            description: "Without event streams, which last as long as their job.",
          },
          ...quantiles("farm_http_request_seconds", '{route!="/v1/jobs/:id/events"}'),
        ),
        panel({ title: "Refusals", unit: "reqps", description: "Problem bodies by their code." }, [
          sumRate("farm_http_problems_total", "code"),
          "{{code}}",
        ]),
      ],
    },
    {
      title: "Redis and store",
      panels: [
        panel(
          {
            title: "Redis",
            unit: "short",
            description: "1 while every process reaches Redis, keeps everything and logs every write.",
          },
          ["min(farm_redis_up)", "up"],
          ["min(farm_redis_eviction_off)", "drops nothing"],
          ["min(farm_redis_append_only)", "logs writes"],
        ),
        panel(
          {
            title: "Redis memory",
            unit: "bytes",
            description: "In use, and what it may use; 0 for no limit of its own.",
          },
          ["max(farm_redis_memory_bytes)", "in use"],
          ["max(farm_redis_memory_max_bytes)", "limit"],
        ),
        panel(
          {
            title: "Redis PING",
            unit: "s",
            description: "By process; a slow one alone is that process's fault.",
          },
          ["max by (job) (farm_redis_ping_seconds)", "{{job}}"],
        ),
        panel(
          {
            title: "Store calls",
            unit: "ops",
            description: "By how they ended; unavailable ones are tried again.",
          },
          [sumRate("farm_store_seconds_count", "outcome"), "{{outcome}}"],
        ),
        panel(
          {
            title: "Pictures that wait for the store",
            unit: "short",
            description:
              "On the disks of workers; one whose disk holds as many as it may takes no more frames.",
          },
          ["sum(farm_spool_pictures)", "pictures"],
          ["sum(farm_worker_held)", "workers held"],
        ),
        panel(
          { title: "Bytes that wait for the store", unit: "bytes", description: "On the disks of workers." },
          ["sum(farm_spool_bytes)", "bytes"],
        ),
        panel(
          {
            title: "Seconds of store puts",
            unit: "s",
            description: "What an upload takes, without its repeats.",
          },
          ...quantiles("farm_store_seconds", '{operation="put"}'),
        ),
      ],
    },
  ],
};
