import { COUNTERS, type CounterName, type Stats } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { renderFarmMetrics } from "./farm-metrics.js";

const ZEROS = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<CounterName, number>;
const MODEL = { name: 'post"cards', workers: 2, slots: 32, frames_queued: 5, frames_running: 3 };
const STATS: Stats = {
  frames_queued: 5,
  frames_running: 3,
  backlog_cost: 12.5,
  backlog_seconds: 6.25,
  rate: 2,
  workers: 2,
  models: [{ ...MODEL, backlog_cost: 12.5, rate: 2, backlog_seconds: 6.25 }],
  counters: { ...ZEROS, jobs_submitted: 7 },
  eta: { jobs: 6, within_band: 4, ratio_buckets: { "2": 2, "0.5": 1, inf: 0, "1": 3 } },
  tenant: { name: "acme", weight: 1, queued_cost: 1, concurrent_frames: 1, running_frames: 1 },
};

describe("renderFarmMetrics()", () => {
  it("tells every counter, zeros too, and each model's backlog", async () => {
    const lines = (await renderFarmMetrics({ stats: STATS, outboxEvents: 3 })).split("\n");
    expect(lines).toContain("farm_frames_queued 5");
    expect(lines).toContain('farm_backlog_seconds{model="post\\"cards"} 6.25');
    expect(lines).toContain("farm_jobs_submitted_total 7");
    for (const name of COUNTERS)
      expect(lines.some((line) => line.startsWith(`farm_${name}_total `))).toBe(true);
    expect(lines).toContain("farm_outbox_events 3");
  });

  it("counts predictions in buckets that hold those before them", async () => {
    const lines = (await renderFarmMetrics({ stats: STATS, outboxEvents: 3 }))
      .split("\n")
      .filter((line) => line.includes("farm_eta"));
    expect(lines).toContain("# TYPE farm_eta_ratio histogram");
    expect(lines.filter((line) => line.startsWith("farm_eta_ratio"))).toEqual([
      'farm_eta_ratio_bucket{le="0.5"} 1',
      'farm_eta_ratio_bucket{le="1"} 4',
      'farm_eta_ratio_bucket{le="2"} 6',
      'farm_eta_ratio_bucket{le="+Inf"} 6',
      "farm_eta_ratio_count 6",
    ]);
    expect(lines).toContain("farm_eta_within_band_total 4");
  });

  it("leaves out what is not known and tells nothing of a tenant", async () => {
    const models = [{ ...MODEL, backlog_cost: 1, rate: null, backlog_seconds: null }];
    const text = await renderFarmMetrics({ stats: { ...STATS, models }, outboxEvents: 0 });
    expect(text).not.toMatch(/^farm_backlog_seconds\{/m);
    expect(text).toMatch(/^farm_model_workers\{/m);
    expect(text).not.toContain("acme");
  });
});
