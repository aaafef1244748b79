import { chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { verifyWebhook } from "@latentfarm/client";
import { endpointListSchema, endpointSecretSchema, type Job } from "@latentfarm/contract";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startWebhookReceiver } from "../e2e/webhook-receiver.js";
import {
  fetchFrame,
  freePort,
  getJob,
  REPOSITORY_ROOT,
  type RedisServer,
  readEvents,
  runJob,
  startRedis,
  startTestFarm,
  submit,
} from "../harness/index.js";
import { buildImages, tagOf } from "./build-images.js";
import { type Container, startContainer } from "./container.js";
import { openWorkshop, type Workshop } from "./workshop.js";

vi.setConfig({ testTimeout: 120_000 });

/** A first build on two busy cores with a slow registry. */
const BUILD_MS_MAX = 900_000;
/** The user of the images. */
const UID = 10_001;
const DATA = "/var/lib/latentfarm";
const SUNRISE = { prompt: "a yellow sun over blue mountains under an orange sky", seed: 7 };
/** An orphan lives a fifth of a second; a process that waits for children does so at once. */
const ORPHAN_MS = 1_000;

let workshop: Workshop;
let folder: string;
let redis: RedisServer;
let ports: { gateway: number; worker: number; courier: number };
let env: Readonly<Record<string, string>>;
let headers: { readonly authorization: string };
const running: Container[] = [];

const farmUrl = () => `http://127.0.0.1:${ports.gateway}`;
const mounts = () => [
  { source: path.join(folder, "data"), target: DATA, writable: true },
  {
    source: path.join(REPOSITORY_ROOT, "packages/demo-model/model"),
    target: "/models/postcards",
  },
];

beforeAll(async () => {
  workshop = await openWorkshop();
  await buildImages(workshop);
  folder = mkdtempSync(path.join(tmpdir(), "images-farm-"));
  mkdirSync(path.join(folder, "data"));
  chownSync(path.join(folder, "data"), UID, UID);
  redis = await startRedis({ dir: path.join(folder, "redis"), aof: true });
  ports = { gateway: await freePort(), worker: await freePort(), courier: await freePort() };
  env = { FARM_REDIS_URL: redis.url, FARM_WEBHOOK_LOOPBACK: "1" };
  const gateway = await start("gateway", { FARM_PORT: String(ports.gateway) });
  const courier = await start("courier", { FARM_METRICS_PORT: String(ports.courier) });
  const worker = await startWorker("worker-1");
  await gateway.wrote("gateway ready");
  await courier.wrote("courier ready");
  await worker.wrote("worker ready");
  headers = { authorization: `Bearer ${await createKey()}` };
}, BUILD_MS_MAX);

afterAll(async () => {
  await Promise.all(running.map((container) => container[Symbol.asyncDispose]()));
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
}, BUILD_MS_MAX);

async function start(
  image: "gateway" | "courier" | "worker-cpu",
  extra: Readonly<Record<string, string>>,
  name: string = image,
): Promise<Container> {
  const options = { tag: tagOf(image), name, env: { ...env, ...extra }, mounts: mounts() };
  const container = await startContainer(workshop, options);
  running.push(container);
  return container;
}

function startWorker(name: string): Promise<Container> {
  const own = { FARM_METRICS_PORT: String(ports.worker), FARM_WORKER_ID: name };
  // No time to finish: what is drawn at the signal goes to another worker.
  const settings = { FARM_MODEL: "/models/postcards", FARM_DRAIN_SECONDS: "0" };
  return start("worker-cpu", { ...own, ...settings }, name);
}

/** Makes an API key with the image of the command line. */
async function createKey(): Promise<string> {
  await using cli = await startContainer(workshop, {
    tag: tagOf("cli"),
    name: "cli",
    env: { FARM_REDIS_URL: redis.url },
    args: ["keys", "create", "--tenant", "acme"],
  });
  expect(await cli.exited).toBe(0);
  return /lf_\S+/.exec(cli.output())?.[0] ?? "";
}

function containerOf(name: "gateway" | "courier" | "worker-1"): Container {
  const index = ["gateway", "courier", "worker-1"].indexOf(name);
  const found = running[index];
  if (found === undefined) throw new Error(`Cannot find a container: name is ${name}`);
  return found;
}

async function secretOf(url: string): Promise<string> {
  const list = await (await fetch(`${farmUrl()}/v1/webhooks`, { headers })).json();
  const endpoint = endpointListSchema.parse(list).endpoints.find((entry) => entry.url === url);
  const response = await fetch(`${farmUrl()}/v1/webhooks/${endpoint?.id}/secret`, { headers });
  return endpointSecretSchema.pick({ secret: true }).parse(await response.json()).secret;
}

it("draws the picture that the source tree draws, byte for byte", async () => {
  const job = await runJob(farmUrl(), SUNRISE, headers);
  expect(job.status).toBe("succeeded");
  await using source = await startTestFarm();
  const expected = await runJob(source.url, SUNRISE);
  expect(await fetchFrame(farmUrl(), job, 0, headers)).toEqual(await fetchFrame(source.url, expected));
});

it("delivers the webhook, signed", async () => {
  await using receiver = await startWebhookReceiver();
  const job = await submit(farmUrl(), { ...SUNRISE, steps: 2, webhook: { url: receiver.url } }, headers);
  const [request] = await receiver.received(1);
  if (request === undefined) throw new Error("a request was received");
  const payload = await verifyWebhook({ ...request, secrets: [await secretOf(receiver.url)] });
  expect(payload).toMatchObject({ type: "job.succeeded", data: { id: job.id } });
});

it.each([
  ["gateway", "FARM_PORT"],
  ["courier", "FARM_METRICS_PORT"],
  ["worker-1", "FARM_METRICS_PORT"],
] as const)("says by its health check that the %s is well", async (name, variable) => {
  const container = containerOf(name);
  expect((await container.exec("node", "healthcheck.mjs", variable)).status).toBe(0);
  expect((await container.exec("node", "healthcheck.mjs", "FARM_NO_PORT")).status).toBe(1);
});

it.each(["gateway", "courier", "worker-1"] as const)(
  "keeps the %s from all but its folders",
  async (name) => {
    const container = containerOf(name);
    const write = async (place: string) => {
      const program = `require("node:fs").writeFileSync("${place}/written", "")`;
      return (await container.exec("node", "-e", program)).output;
    };
    expect((await container.exec("id", "-u")).output.trim()).toBe(String(UID));
    expect(await write("/tmp")).toBe("");
    expect(await write(DATA)).toBe("");
    for (const place of ["/app", "/etc", "/usr/local/bin", "/"])
      expect(await write(place)).toContain("EROFS");
  },
);

/** The states of a container's processes once an orphan in it has ended: Z is one that nobody has buried. */
async function statesAfterOrphan(container: Container): Promise<string> {
  // The shell ends at once, so that its child belongs to process 1 when it ends.
  expect((await container.exec("sh", "-c", "sleep 0.2 & exit 0")).status).toBe(0);
  await delay(ORPHAN_MS);
  return (await container.exec("sh", "-c", "cat /proc/[0-9]*/status | grep ^State:")).output;
}

it("buries orphans in the worker's container", async () => {
  const states = await statesAfterOrphan(containerOf("worker-1"));
  expect(states).toContain("State:");
  expect(states).not.toContain("zombie");
});

it("would keep orphans if Node were process 1", async () => {
  await using container = await startContainer(workshop, {
    tag: tagOf("cli"),
    name: "bare",
    entrypoint: [
      "node",
      "-e",
      "process.once('SIGTERM', process.exit); setInterval(() => {}, 1000); console.log('up')",
    ],
  });
  await container.wrote("up");
  expect(await statesAfterOrphan(container)).toContain("zombie");
});

it("drains the worker by SIGTERM with status 0, and another goes on with its frame", async () => {
  const worker = containerOf("worker-1");
  const job = await submit(farmUrl(), { ...SUNRISE, steps: 150, width: 192, height: 192 }, headers);
  let stopped = false;
  let second: Promise<Container> | undefined;
  await readEvents(job, {
    farmUrl: farmUrl(),
    headers,
    onEvent: async (event) => {
      if (stopped || event.type !== "frame.progress") return;
      stopped = true;
      worker.signal("SIGTERM");
      expect(await worker.exited).toBe(0);
      expect(worker.output()).toContain("worker stopped");
      second = startWorker("worker-2");
    },
  });
  await second;
  const ended: Job = await getJob(farmUrl(), job.id, headers);
  expect(ended.status).toBe("succeeded");
  expect(ended.frames[0]?.worker).toBe("worker-2");
});

it.each(["gateway", "courier"] as const)("stops the %s by SIGTERM with status 0", async (name) => {
  containerOf(name).signal("SIGTERM");
  expect(await containerOf(name).exited).toBe(0);
});

it.each([
  ["gateway", {}, "FARM_REDIS_URL is absent"],
  ["courier", {}, "FARM_REDIS_URL is absent"],
  ["worker-cpu", { FARM_REDIS_URL: "redis://127.0.0.1:1", FARM_BOGUS: "1" }, "FARM_BOGUS"],
] as const)("ends the %s with status 2 when its environment is wrong", async (image, wrong, said) => {
  await using container = await startContainer(workshop, { tag: tagOf(image), name: "wrong", env: wrong });
  expect(await container.exited).toBe(2);
  expect(container.output()).toContain(said);
});
