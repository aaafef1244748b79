import { type DashboardPlan, farmRate, panel, sumRate, WINDOW } from "./panel.js";

/** The queue and who uses it, by class of tenant. */
export const QUEUE: DashboardPlan = {
  uid: "latentfarm-queue",
  title: "Latentfarm: queue and tenants",
  description: "What waits, for how long, for whom, and how honest the estimates are",
  hasPrice: false,
  rows: [
    {
      title: "Queue",
      panels: [
        panel(
          { title: "Frames", unit: "short", description: "Of each model, waiting and with workers." },
          ["max by (model) (farm_model_frames_queued)", "{{model}} waiting"],
          ["max by (model) (farm_model_frames_running)", "{{model}} running"],
          ["max by (model) (farm_model_slots)", "{{model}} slots"],
        ),
        panel(
          { title: "Backlog in work", unit: "short", description: "Megapixel-steps ahead of each model." },
          ["max by (model) (farm_backlog_megapixel_steps)", "{{model}}"],
        ),
        panel(
          { title: "Workers", unit: "short", description: "With a fresh heartbeat, by model." },
          ["max by (model) (farm_model_workers)", "{{model}}"],
          ["max(farm_workers)", "all"],
        ),
        panel(
          {
            title: "Wait in the queue",
            unit: "s",
            description: "95th percentile of drawn frames, by model.",
          },
          [
            `histogram_quantile(0.95, sum by (le, model) (rate(farm_phase_seconds_bucket{phase="queue"}[${WINDOW}])))`,
            "{{model}}",
          ],
        ),
        panel(
          { title: "Jobs", unit: "ops", description: "Taken in, and how they ended." },
          [farmRate("farm_jobs_submitted_total"), "submitted"],
          [farmRate("farm_jobs_succeeded_total"), "succeeded"],
          [farmRate("farm_jobs_failed_total"), "failed"],
          [farmRate("farm_jobs_canceled_total"), "canceled"],
          [farmRate("farm_jobs_expired_total"), "expired"],
        ),
        panel(
          {
            title: "Attempts that brought nothing",
            unit: "ops",
            description:
              "lost: their worker went away; superseded: a worker that was thought lost still spoke.",
          },
          [farmRate("farm_attempts_lost_total"), "lost"],
          [farmRate("farm_attempts_failed_total"), "failed"],
          [farmRate("farm_attempts_interrupted_total"), "interrupted"],
          [farmRate("farm_attempts_superseded_total"), "superseded"],
        ),
        panel(
          {
            title: "Frames and workers set aside",
            unit: "short",
            description: "Since the farm's Redis began.",
          },
          ["max(farm_frames_poisoned_total)", "poisoned frames"],
          ["max(farm_workers_sick_total)", "sick workers"],
        ),
      ],
    },
    {
      title: "Tenants, by class",
      panels: [
        panel(
          {
            title: "Pictures",
            unit: "ops",
            description: "default: callers without a key; keyed: everyone else.",
          },
          [sumRate('farm_frame_attempts_total{outcome=~"drawn|found"}', "tenant_class"), "{{tenant_class}}"],
        ),
        panel({ title: "Work", unit: "short", description: "Megapixel-steps drawn a second." }, [
          sumRate("farm_cost_megapixel_steps_total", "tenant_class"),
          "{{tenant_class}}",
        ]),
        panel(
          {
            title: "Held back",
            unit: "reqps",
            description: "Submits refused for a tenant's limits or for the farm's.",
          },
          [
            sumRate('farm_http_problems_total{code=~"quota_exceeded|rate_limited|overloaded"}', "code"),
            "{{code}}",
          ],
        ),
      ],
    },
    {
      title: "Estimates",
      panels: [
        panel(
          {
            title: "Actual over predicted",
            unit: "short",
            description: "1 is true; the median of jobs that ended in the window, and nine of ten.",
          },
          [`histogram_quantile(0.5, max by (le) (rate(farm_eta_ratio_bucket[${WINDOW}])))`, "p50"],
          [`histogram_quantile(0.9, max by (le) (rate(farm_eta_ratio_bucket[${WINDOW}])))`, "p90"],
        ),
        panel(
          { title: "Within the band", unit: "percentunit", description: "Nine of ten jobs are meant to be." },
          [`${farmRate("farm_eta_within_band_total")} / ${farmRate("farm_eta_ratio_count")}`, "within"],
        ),
      ],
    },
  ],
};
