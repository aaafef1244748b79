import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { jobSchema } from "@latentfarm/contract";
import { SNAPSHOT_MS_MIN } from "@latentfarm/engine";
import { SPANS } from "@latentfarm/telemetry";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  getJob,
  type OtlpReceiver,
  post,
  type ReceivedSpan,
  readEvents,
  runJob,
  startOtlpReceiver,
  startTestFarm,
  type TestFarm,
} from "../harness/index.js";
import { findDeadLinks, findOddities, findOrphans, findStrayLines } from "./judge-trace.js";
import { startWebhookReceiver, type WebhookReceiver } from "./webhook-receiver.js";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const CLIENT_SPAN = "b7ad6b7169203331";
const FRAMES = 3;
/** What a client wrote and what opens doors: in no exported byte. */
const SECRETS = ["verdigris", "hush-token", "hush-note", "hush-collector", "127.0.0.1"];
/** The first worker, which is killed, and the second, by the harness's names. */
const [KILLED, HEIR] = ["test-0", "test-1"];
/** A flush at the end waits 2 s and what is cut off then is gone within 3 s; the rest is two busy cores. */
const STOP_MS_MAX = 12_000;

vi.setConfig({ testTimeout: 180_000 });

let farm: TestFarm | undefined;
afterEach(async () => {
  await farm?.[Symbol.asyncDispose]();
  farm = undefined;
});

function tracedTo(url: string) {
  return {
    FARM_WEBHOOK_LOOPBACK: "1",
    FARM_SNAPSHOT_STEPS: "1",
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20hush-collector",
    OTEL_BSP_SCHEDULE_DELAY: "100",
  };
}

/** Submits as a client that traces does, and kills the first worker once a snapshot is there. */
async function drawThroughKill(on: TestFarm, hook: WebhookReceiver) {
  const body = {
    prompt: "a verdigris harbour",
    negative_prompt: "verdigris fog",
    seed: 7,
    steps: 150,
    num_images: FRAMES,
    width: 192,
    height: 192,
    metadata: { note: "hush-note" },
    webhook: { url: `${hook.url}?key=hush-token` },
  };
  const traceparent = `00-${TRACE_ID}-${CLIENT_SPAN}-01`;
  const response = await post(`${on.url}/v1/jobs`, body, { traceparent });
  const job = jobSchema.parse(await response.json());
  let progressed = 0;
  await readEvents(job, {
    farmUrl: on.url,
    onEvent: async ({ type }) => {
      if (type !== "frame.progress" || ++progressed !== 2 * FRAMES) return;
      await delay(2 * SNAPSHOT_MS_MIN);
      on.workers[0]?.child.kill("SIGKILL");
      await on.startWorker();
    },
  });
  return { job: await getJob(on.url, job.id), traceresponse: response.headers.get("traceresponse") };
}

/** The trace once its last parts have come: the webhook's and the history's. */
function wholeTrace(collector: OtlpReceiver): Promise<ReceivedSpan[]> {
  return collector.find((spans) => {
    const own = spans.filter(({ traceId }) => traceId === TRACE_ID);
    const names = own.map(({ name }) => name);
    const drawn = names.filter((name) => name === "commit frame").length;
    const isWhole =
      drawn === FRAMES && ["process delivery", "file job", "POST"].every((name) => names.includes(name));
    return isWhole && names.filter((name) => name === "process frame").length >= FRAMES ? own : undefined;
  });
}

describe("a job whose worker is killed", () => {
  it("is one trace from its client to its webhook, in the logs too, and tells no secret", async () => {
    await using collector = await startOtlpReceiver();
    await using hook = await startWebhookReceiver();
    farm = await startTestFarm({ courier: true, env: tracedTo(collector.url) });
    const { job, traceresponse } = await drawThroughKill(farm, hook);
    expect(job).toMatchObject({ status: "succeeded", frames: Array(FRAMES).fill({ attempt: 2 }) });
    const [told] = await hook.received(1);
    const spans = await wholeTrace(collector);
    const named = (name: string) => spans.filter((span) => span.name === name);

    const orphans = findOrphans({ spans, clientSpan: CLIENT_SPAN });
    // What was open in the killed worker never came; what hangs below it may have.
    expect(orphans.filter((orphan) => !orphan.endsWith(` of ${KILLED}`))).toEqual([]);
    const own = spans.filter(({ resource }) => resource["service.instance.id"] !== KILLED);
    expect(findDeadLinks(own, "step batches", "render frame")).toEqual([]);
    expect(findDeadLinks(own, "run steps", "step batches")).toEqual([]);
    expect(Math.max(...named("step batches").map(({ links }) => links.length))).toBeGreaterThan(1);
    const resumed = named("run steps").map(({ attributes }) => attributes["farm.frame.resumed_from_step"]);
    const steps = job.frames.map(({ resumed_from_step: from }) => (from ? String(from) : undefined));
    expect(resumed.sort()).toEqual(steps.sort());
    expect(steps.filter((from) => from !== undefined)).not.toEqual([]);
    expect(named("wait in queue").map(({ resource }) => resource["service.instance.id"])).toEqual(
      Array(FRAMES).fill(KILLED),
    );
    const attempts = named("process frame").map(({ attributes, resource }) => [
      attributes["farm.frame.attempt"],
      resource["service.instance.id"],
    ]);
    expect(attempts).toEqual(Array(FRAMES).fill(["2", HEIR]));
    expect(findOddities(spans)).toEqual([]);
    const titles = Object.values(SPANS).map(({ title }) => title);
    const seen = new Set([
      ...spans.map(({ name }) => name),
      ...(named("put object").length ? ["{operation} object"] : []),
    ]);
    const missing = titles.filter((title) => !seen.has(title));
    expect(missing).toEqual(["{method} {route}"]);
    const [request] = named("POST /v1/jobs");
    expect(request).toMatchObject({
      parentId: CLIENT_SPAN,
      attributes: { "http.response.status_code": "202" },
    });
    expect(traceresponse).toBe(`00-${TRACE_ID}-${request?.spanId}-01`);
    const aboutJob = collector.spans.filter(({ attributes }) => attributes["farm.job.id"] === job.id);
    expect(new Set(aboutJob.map(({ traceId }) => traceId))).toEqual(new Set([TRACE_ID]));

    for (const name of ["worker-0", "worker-1", "courier-0"]) {
      const log = await readFile(path.join(farm.dataDir, "logs", `${name}.log`), "utf8");
      expect(findStrayLines(log, { id: job.id, traceId: TRACE_ID })).toEqual([]);
    }
    const logOf = async (name: string) => readFile(path.join(String(farm?.dataDir), "logs", name), "utf8");
    expect(await logOf("worker-1.log")).toMatch(
      new RegExp(`"trace_id":"${TRACE_ID}".*"msg":"frame finished"`),
    );
    expect(await logOf("gateway.log")).toMatch(new RegExp(`"trace_id":"${TRACE_ID}".*"jobId":"${job.id}"`));
    expect(await logOf("courier-0.log")).toMatch(
      new RegExp(`"trace_id":"${TRACE_ID}".*"jobId":"${job.id}".*"msg":"webhook delivered"`),
    );

    const exported = Buffer.concat([...collector.bodies]).toString("latin1");
    expect(SECRETS.filter((secret) => exported.includes(secret))).toEqual([]);
    expect(exported).toContain(job.id);
    expect(new Set(collector.authorizations)).toEqual(new Set(["Bearer hush-collector"]));
    expect(told?.headers).not.toHaveProperty("traceparent");
  });
});

describe("a collector that takes connections and never answers", () => {
  it("holds up no job and no end", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    farm = await startTestFarm({ courier: true, env: tracedTo(`http://127.0.0.1:${port}`) });
    const job = await runJob(farm.url, { prompt: "a yellow sun", seed: 7, steps: 4 });
    expect(job.status).toBe("succeeded");
    const [worker] = farm.workers;
    const startedMs = performance.now();
    await worker?.stop();
    expect(performance.now() - startedMs).toBeLessThan(STOP_MS_MAX);
    expect((await worker?.exited)?.code).toBe(0);
    const log = await readFile(path.join(farm.dataDir, "logs", "worker-0.log"), "utf8");
    expect(log.match(/traces are not exported/g)).toHaveLength(1);
    await farm[Symbol.asyncDispose]();
    farm = undefined;
    silent.close();
  });
});
