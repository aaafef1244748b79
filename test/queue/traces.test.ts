import { FarmError } from "@latentfarm/contract";
import { connectQueue, type Farm, type FrameWork } from "@latentfarm/queue";
import { createTracing, FRAMES_TRACED_MAX, type Tracing } from "@latentfarm/telemetry";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from "../harness/otlp-receiver.js";
import type { RedisServer } from "../harness/redis.js";
import { deliveryWith, hookedJob, Receiver } from "./delivery-fixture.js";
import { endOf, freshModel, newJob, resultOf, startQueueRedis } from "./farm-fixture.js";

let redis: RedisServer & AsyncDisposable;
let collector: OtlpReceiver;
let gateway: Farm;
let worker: Farm;
let gatewayTracing: Tracing;
let workerTracing: Tracing;

beforeAll(async () => {
  redis = await startQueueRedis();
  collector = await startOtlpReceiver();
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url);
  vi.stubEnv("OTEL_BSP_SCHEDULE_DELAY", "50");
  gatewayTracing = await createTracing({ isOn: true, process: "gateway", instance: "g" });
  workerTracing = await createTracing({ isOn: true, process: "worker", instance: "w" });
  gateway = await connectQueue({ redisUrl: redis.url, tracing: gatewayTracing });
  worker = await connectQueue({ redisUrl: redis.url, tracing: workerTracing });
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await Promise.all([gateway, worker].map((farm) => farm[Symbol.asyncDispose]()));
  await Promise.all([gatewayTracing, workerTracing].map((tracing) => tracing[Symbol.asyncDispose]()));
  await collector[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** Submits as the gateway does: within a request. */
async function submitTraced(model: string, frames: number) {
  return gatewayTracing.span("request", {}, async () => {
    const job = await gateway.submit(newJob(model, { num_images: frames, seed: "7" }));
    return { job, traceId: String(gatewayTracing.logFields().trace_id) };
  });
}

function consume(model: string, process: (frame: FrameWork) => Promise<unknown>) {
  return worker.consume({
    model,
    workerId: "w",
    concurrency: 8,
    process: async (frame) => {
      await frame.started();
      await process(frame);
      return resultOf(frame);
    },
    onJobEnd: async () => undefined,
  });
}

function ofTrace(traceId: string, name: string): (spans: readonly ReceivedSpan[]) => ReceivedSpan[] {
  return (spans) => spans.filter((span) => span.traceId === traceId && span.name === name);
}

describe("a job in a trace", () => {
  it("has each attempt side by side below its submit, in whichever process", async () => {
    const model = freshModel();
    const { job, traceId } = await submitTraced(model, 2);
    await using _consumer = consume(model, async ({ index, attempt }) => {
      if (index === 1 && attempt === 1) throw new FarmError("out_of_memory", "prompt hunter2");
    });
    await endOf(worker, job.id);
    const attempts = await collector.find((spans) => {
      const found = ofTrace(traceId, "process frame")(spans);
      return found.length === 3 ? found : undefined;
    });
    const [submit] = await collector.find((spans) => {
      const found = ofTrace(traceId, "submit job")(spans);
      return found.length > 0 ? found : undefined;
    });
    expect(attempts.map(({ parentId }) => parentId)).toEqual(Array(3).fill(submit?.spanId));
    const told = attempts.map(({ attributes, isError }) => [
      attributes["farm.frame.index"],
      attributes["farm.frame.attempt"],
      attributes["farm.frame.outcome"],
      isError,
    ]);
    expect(told).toEqual(
      expect.arrayContaining([
        ["0", "1", "drawn", false],
        ["1", "1", "out_of_memory", true],
        ["1", "2", "drawn", false],
      ]),
    );
    const waits = ofTrace(traceId, "wait in queue")(collector.spans);
    expect(waits.map(({ attributes }) => attributes["farm.frame.index"]).sort()).toEqual(["0", "1"]);
    const filed = await collector.find((spans) => ofTrace(traceId, "file job")(spans)[0]);
    expect(filed.parentId).toBe(submit?.spanId);
    expect(Buffer.concat([...collector.bodies]).toString("latin1")).not.toContain("hunter2");
  });

  it("is named by every submit that one key joins, and no other id is", async () => {
    const model = freshModel();
    const idempotency = { key: model, bodyHash: "a" };
    const made = [newJob(model), newJob(model)].map((job) => ({ ...job, idempotency }));
    const [first, second] = await gatewayTracing.span("request", {}, () =>
      Promise.all(made.map((job) => gateway.submit(job))),
    );
    expect(second?.id).toBe(first?.id);
    const told = await collector.find((spans) => {
      const found = spans.filter(
        (span) => span.name === "submit job" && span.attributes["farm.model"] === model,
      );
      return found.length === 2 ? found : undefined;
    });
    expect(told.map(({ attributes }) => attributes["farm.job.id"])).toEqual([first?.id, first?.id]);
  });

  it("stays one trace when a client has its failed frames tried again by another request", async () => {
    const model = freshModel();
    const { job, traceId } = await submitTraced(model, 1);
    let isMended = false;
    await using _consumer = consume(model, async () => {
      if (!isMended) throw new FarmError("numeric_fault", "Cannot go on");
    });
    expect((await endOf(worker, job.id)).status).toBe("failed");
    isMended = true;
    const other = await gatewayTracing.span("request", {}, async () => {
      await gateway.retry(job.id);
      return gatewayTracing.logFields().trace_id;
    });
    expect((await endOf(worker, job.id)).status).toBe("succeeded");
    const attempts = await collector.find((spans) => {
      const found = spans.filter(({ attributes }) => attributes["farm.job.id"] === job.id);
      const processed = found.filter(({ name }) => name === "process frame");
      return processed.length === 2 ? processed : undefined;
    });
    expect(other).not.toBe(traceId);
    expect(new Set(attempts.map((span) => `${span.traceId} ${span.parentId}`)).size).toBe(1);
    expect(attempts[0]?.traceId).toBe(traceId);
  });

  it("is traced in its first frames alone, and the rest keeps the id for the log", async () => {
    const model = freshModel();
    const frames = FRAMES_TRACED_MAX + 3;
    const { job, traceId } = await submitTraced(model, frames);
    const ids = new Map<number, string | undefined>();
    await using _consumer = consume(model, async ({ index }) => {
      ids.set(index, workerTracing.logFields().trace_id);
    });
    await endOf(worker, job.id);
    await collector.find((spans) => ofTrace(traceId, "file job")(spans)[0]);
    const attempts = await collector.find((spans) => {
      const found = ofTrace(traceId, "process frame")(spans);
      return found.length >= FRAMES_TRACED_MAX ? found : undefined;
    });
    const indices = attempts.map(({ attributes }) => Number(attributes["farm.frame.index"]));
    expect(indices.sort((a, b) => a - b)).toEqual(Array.from({ length: FRAMES_TRACED_MAX }, (_, i) => i));
    expect([ids.size, new Set(ids.values())]).toEqual([frames, new Set([traceId])]);
  });

  it("makes no spans when it was submitted outside of a trace", async () => {
    const model = freshModel();
    const job = await gateway.submit(newJob(model));
    await using _consumer = consume(model, async () => {
      expect(workerTracing.logFields()).toEqual({});
    });
    expect((await endOf(worker, job.id)).status).toBe("succeeded");
    expect(collector.spans.some(({ attributes }) => attributes["farm.job.id"] === job.id)).toBe(false);
  });
});

describe("a delivery", () => {
  it("hangs below its job's submit, from the event to each of its turns", async () => {
    const client = new Redis(redis.url);
    const receiver = new Receiver();
    const { traceId, delivery } = await gatewayTracing.span("request", {}, async () => {
      const hooked = await hookedJob(gateway, client, { url: "https://a.example/hook" });
      const id = await hooked.emit("job.succeeded", 9);
      return { delivery: id, traceId: String(gatewayTracing.logFields().trace_id) };
    });
    await using _courier = worker.webhooks.deliver({ concurrency: 4, send: receiver.send });
    await deliveryWith(worker, delivery, "delivered");
    const turn = await collector.find((spans) => ofTrace(traceId, "process delivery")(spans)[0]);
    const filed = await collector.find((spans) => ofTrace(traceId, "file delivery")(spans)[0]);
    const submit = await collector.find((spans) => ofTrace(traceId, "submit job")(spans)[0]);
    expect([turn.parentId, filed.parentId]).toEqual([filed.spanId, submit.spanId]);
    expect(turn.attributes).toMatchObject({ "farm.delivery.id": delivery, "farm.delivery.attempt": "1" });
    client.disconnect();
  });
});

describe("a farm that does not trace", () => {
  it("writes nothing of traces into its records and entries", async () => {
    await using farm = await connectQueue({ redisUrl: redis.url });
    const client = new Redis(redis.url);
    const model = freshModel();
    const job = await farm.submit(newJob(model));
    const traced = await submitTraced(freshModel(), 1);
    const trace = (id: string) => client.hget(`{latentfarm}:job:${id}`, "trace");
    expect(await trace(job.id)).toBeNull();
    expect(await trace(traced.job.id)).toContain(traced.traceId);
    client.disconnect();
  });
});
