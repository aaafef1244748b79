import { FarmError, isJobId, type JobRecord } from "@latentfarm/contract";
import { readSidecar, snapshotKey } from "@latentfarm/storage";
import request from "supertest";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileEndedJob } from "./file-ended-job.js";
import { createTestGateway, type TestGateway } from "./testing/test-gateway.js";

const FRAMES = 40;
let gateway: TestGateway;
let job: JobRecord;
beforeEach(async () => {
  gateway = await createTestGateway();
  const { body } = await request(gateway.app).post("/v1/jobs").send({ prompt: "a", num_images: FRAMES });
  const record = isJobId(body.id) ? await gateway.farm.getJob(body.id) : undefined;
  if (record === undefined) throw new TypeError("no job");
  const frames = record.frames.map((frame) => ({
    ...frame,
    status: "canceled" as const,
    attempt: frame.index % 2,
  }));
  job = { ...record, status: "canceled", frames };
});
afterEach(() => gateway[Symbol.asyncDispose]());

describe("fileEndedJob()", () => {
  it("writes the history and deletes what interrupted frames have left", async () => {
    const { store, context } = gateway;
    const info = { contentType: "application/octet-stream", metadata: {} };
    for (const { index } of job.frames) await store.put(snapshotKey(job.id, index), Buffer.from("x"), info);
    await fileEndedJob(context, job);
    expect(await readSidecar(store, job.id)).toEqual(job);
    const left = await Promise.all(job.frames.map(({ index }) => store.head(snapshotKey(job.id, index))));
    expect(left.map((object) => object !== undefined)).toEqual(
      job.frames.map(({ attempt }) => attempt === 0),
    );
  });

  it("throws when the history is not written, so that it is tried again", async () => {
    const away = new FarmError("store_unavailable", "Cannot write");
    const store = { ...gateway.store, put: () => Promise.reject(away) };
    await expect(fileEndedJob({ ...gateway.context, store }, job)).rejects.toBe(away);
  });

  it("only tells of snapshots that are not deleted", async () => {
    const away = new FarmError("store_unavailable", "Cannot delete");
    const store = { ...gateway.store, delete: () => Promise.reject(away) };
    await fileEndedJob({ ...gateway.context, store }, job);
    expect(gateway.logged.at(-1)).toContain("snapshots not deleted");
  });
});
