import { Writable } from "node:stream";
import { FarmError, type Job, type JobId } from "@latentfarm/contract";
import { expect, test } from "vitest";
import { readEnvironment } from "../config/env.js";
import type { GatewayClient } from "./gateway-client.js";
import { renderJob } from "./render-job.js";

const ID: JobId = "job_00000000000000000000000000" as JobId; // a brand without its check: a valid id
const GONE = new FarmError("queue_unavailable", "Cannot reach the gateway");
const QUEUED: Job = {
  id: ID,
  status: "queued",
  created_at: "2026-01-01T00:00:00Z",
  started_at: null,
  finished_at: null,
  model: "postcards",
  params: {
    prompt: "a",
    negative_prompt: "",
    model: "postcards",
    width: 64,
    height: 64,
    steps: 1,
    guidance_scale: 1,
    sampler: "euler",
    scheduler: "simple",
    shift: 3,
    seed: "7",
    output_format: "png",
    output_quality: 90,
    num_images: 1,
    priority: "normal",
  },
  progress: { step: 0, steps: 1, frames_done: 0, frames: 1 },
  start_before: null,
  cost: 0,
  eta_low_seconds: null,
  eta_high_seconds: null,
  webhook: null,
  position: 0,
  eta_seconds: null,
  frames: [],
  error: null,
  metadata: {},
  frames_next_cursor: null,
  urls: { self: "", events: "", frames: "", cancel: "", retry: "", deliveries: "" },
};

/** A gateway that takes a job and is then gone. */
const goes: GatewayClient = {
  url: "http://gateway.test:1",
  healthy: async () => true,
  models: async () => [],
  submit: async () => QUEUED,
  job: () => Promise.reject(GONE),
  cancel: async () => undefined,
  async *events() {
    yield { id: 1, job_id: ID, timestamp: "", type: "job.queued", data: { frames: 1 } };
    throw GONE;
  },
  picture: () => Promise.reject(GONE),
};

const render = (client: GatewayClient, lasting: boolean) =>
  renderJob({
    context: {
      terminal: { out: () => {}, err: () => {}, progress: new Writable(), interactive: false },
      environment: readEnvironment({ PATH: "" }),
      cwd: "/tmp",
    },
    client,
    request: { prompt: "a" },
    output: { format: "png", picturePath: () => "", sheetPath: () => "" },
    lasting,
    signal: new AbortController().signal,
  });

test("renderJob() says how to come by the job of a farm that was stopped", async () => {
  const left =
    /^Cannot reach the gateway\. Job job_0+ is not lost.*http:\/\/gateway\.test:1\/v1\/jobs\/job_0+,/;
  await expect(render(goes, true)).rejects.toThrow(left);
  await expect(render(goes, true)).rejects.toMatchObject({ code: "queue_unavailable" });
  const ended: GatewayClient = { ...goes, async *events() {} };
  await expect(render(ended, true)).rejects.toThrow(left);
});

test("renderJob() promises nothing for a farm of this call, or where trying again cannot help", async () => {
  await expect(render(goes, false)).rejects.toBe(GONE);
  const refusal = new FarmError("not_found", "Cannot find it");
  await expect(render({ ...goes, submit: () => Promise.reject(refusal) }, true)).rejects.toBe(refusal);
  const forgets: GatewayClient = { ...goes, async *events() {}, job: () => Promise.reject(refusal) };
  await expect(render(forgets, true)).rejects.toBe(refusal);
});
