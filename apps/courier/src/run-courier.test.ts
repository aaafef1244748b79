import type { DeliverOptions, DeliveryWork } from "@latentfarm/queue";
import { createLogger, NO_TRACING, type Tracing } from "@latentfarm/telemetry";
import { createWebhookSecret, type SendOptions, type SendOutcome, STRICT_POLICY } from "@latentfarm/webhooks";
import { Webhook } from "standardwebhooks";
import { expect, it } from "vitest";
import { createContext } from "./context.js";
import { runCourier } from "./run-courier.js";

const NOW_MS = Date.parse("2026-01-02T03:04:05.678Z");

const CONFIG = {
  concurrency: 3,
  publicUrl: "https://farm.example",
  webhookPolicy: STRICT_POLICY,
  scheduleMs: [5_000],
  metricsAddress: undefined,
  logLevel: "info",
  sendsTrace: false,
  isTraced: false,
} as const;

const REFUSED: SendOutcome = {
  at: new Date(NOW_MS).toISOString(),
  status: 500,
  duration_ms: 12,
  error: { code: "status", message: "Cannot count webhook as delivered: status is 500" },
  retry_after_seconds: null,
};

function work(secrets: readonly string[]): DeliveryWork {
  return {
    id: "msg_job_1_2",
    jobId: "job_1",
    tenant: "default",
    endpoint: "ep_1",
    url: "https://receiver.example/hush/path?token=hush",
    body: '{"type":"job.succeeded"}',
    secrets,
    attempt: 4,
    createdMs: NOW_MS - 2_000,
    signal: new AbortController().signal,
  };
}

/** A courier over a farm that hands out nothing by itself; `run` ends when the returned function is called. */
async function startCourier(
  send: (options: SendOptions) => Promise<SendOutcome>,
  own: { readonly sendsTrace?: boolean; readonly tracing?: Tracing } = {},
) {
  const lines: string[] = [];
  const drains: number[] = [];
  let given: DeliverOptions | undefined;
  const stop = new AbortController();
  const log = createLogger({
    name: "courier",
    level: "info",
    destination: { write: (line) => void lines.push(line) },
  });
  const context = await createContext(
    { ...CONFIG, sendsTrace: own.sendsTrace ?? false },
    { redisUrl: "" },
    {
      ...(own.tracing && { tracing: own.tracing }),
      log,
      send,
      nowMs: () => NOW_MS,
      farm: {
        health: async () => {
          throw new Error("nobody scrapes");
        },
        webhooks: {
          deliver: (options) => {
            given = options;
            return {
              ready: async () => undefined,
              drain: async (ms) => void drains.push(ms),
              [Symbol.asyncDispose]: async () => undefined,
            };
          },
        },
        [Symbol.asyncDispose]: async () => undefined,
      },
    },
  );
  let run: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve) => {
    run = runCourier(context, { stop: stop.signal, onReady: () => resolve() });
  });
  if (given === undefined) throw new Error("the courier takes no deliveries");
  const end = async () => {
    stop.abort();
    await run;
  };
  return { options: given, lines, drains, metrics: context.metrics, end };
}

it("runCourier() signs each attempt with the time of now and every secret, and sends it under the policy", async () => {
  const sent: SendOptions[] = [];
  const courier = await startCourier(async (options) => {
    sent.push(options);
    return REFUSED;
  });
  const secrets = [createWebhookSecret(), createWebhookSecret()];
  expect(await courier.options.send(work(secrets))).toEqual(REFUSED);
  const [request] = sent;
  expect(request).toMatchObject({ url: work([]).url, body: work([]).body, policy: STRICT_POLICY });
  expect(request?.headers["webhook-timestamp"]).toBe(String(Math.floor(NOW_MS / 1_000)));
  const signed = new Date(NOW_MS);
  for (const secret of secrets) {
    const expected = new Webhook(secret).sign("msg_job_1_2", signed, work([]).body);
    expect(request?.headers["webhook-signature"]?.split(" ")).toContain(expected);
  }
  await courier.end();
});

it("runCourier() tells a receiver the trace where it is told to, and no other", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const tracing: Tracing = { ...NO_TRACING, isOn: true, traceparent: () => traceparent };
  const headers: (string | undefined)[] = [];
  const send = async (options: SendOptions) => {
    headers.push(options.headers.traceparent);
    return REFUSED;
  };
  for (const own of [{ tracing }, { tracing, sendsTrace: true }, { sendsTrace: true }]) {
    const courier = await startCourier(send, own);
    await courier.options.send(work([createWebhookSecret()]));
    await courier.end();
  }
  expect(headers).toEqual([undefined, traceparent, undefined]);
});

it("runCourier() logs one line per attempt, and of the address only its host", async () => {
  const courier = await startCourier(async () => REFUSED);
  await courier.options.send(work([createWebhookSecret()]));
  const line: unknown = JSON.parse(courier.lines.at(-1) ?? "");
  expect(line).toMatchObject({
    jobId: "job_1",
    delivery: "msg_job_1_2",
    endpoint: "ep_1",
    host: "receiver.example",
    attempt: 4,
    status: 500,
    error: "status",
  });
  expect(courier.lines.join("")).not.toContain("hush");
  await courier.end();
});

it("runCourier() passes its settings on and drains when it is stopped", async () => {
  const courier = await startCourier(async () => REFUSED);
  expect(courier.options).toMatchObject({
    concurrency: 3,
    scheduleMs: [5_000],
    publicUrl: "https://farm.example",
  });
  expect(courier.drains).toEqual([]);
  await courier.end();
  expect(courier.drains).toEqual([16_000]);
});

it("runCourier() counts attempts by outcome, with their age", async () => {
  const courier = await startCourier(async () => REFUSED);
  await courier.options.send(work([createWebhookSecret()]));
  const text = await courier.metrics.text();
  expect(text).toContain('farm_delivery_attempts_total{outcome="status"} 1');
  expect(text).toContain('farm_delivery_age_seconds_sum{outcome="status"} 2');
  expect(text).toContain("farm_delivery_attempt_seconds_sum 0.012");
  expect(text).toContain("farm_redis_up 0");
  await courier.end();
});
