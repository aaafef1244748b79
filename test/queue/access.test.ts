import { randomBytes } from "node:crypto";
import { type KeyRequest, LIMITS, type NewKey } from "@latentfarm/contract";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { startQueueRedis } from "./farm-fixture.js";

/** What a revocation may take elsewhere (the package's KEY_CACHE_MS), with room for a busy machine. */
const ELSEWHERE_MS_MAX = 3_000 + 2_000;
const POLL_MS = 50;
/** The package's caps, and where it keeps what. */
const KEYS_MAX = 10_000;
const KEYS_KEY = "{latentfarm}:keys";
const REVOKED_KEY = "{latentfarm}:keys:revoked";
const TENANTS_KEY = "{latentfarm}:tenants";
const ACTOR = "cli:tester";

let redis: RedisServer & AsyncDisposable;
let client: Redis;
/** Two processes of one farm, as far as keys go. */
let farm: Farm;
let other: Farm;

beforeAll(async () => {
  redis = await startQueueRedis();
  client = new Redis(redis.url);
  // One test stops Redis; this connection comes back by itself.
  client.on("error", () => undefined);
});

beforeEach(async () => {
  await client.flushall();
  farm = await connectQueue({ redisUrl: redis.url });
  other = await connectQueue({ redisUrl: redis.url });
  return async () => {
    await farm[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
  };
});

afterAll(async () => {
  client.disconnect();
  await redis[Symbol.asyncDispose]();
});

const request = (settings: Partial<KeyRequest> = {}): KeyRequest => ({
  tenant: "acme",
  name: "",
  scopes: ["submit", "read"],
  requests_per_minute: null,
  ...settings,
});

/** A key as it is listed: without its secret. */
function shown({ key: _key, ...rest }: NewKey) {
  return rest;
}

/** Everything that Redis holds, as text. */
async function everything(): Promise<string> {
  const parts: string[] = [];
  for (const name of await client.keys("*")) {
    const dump = await client.dumpBuffer(name);
    const kind = await client.type(name);
    const values =
      kind === "hash"
        ? await client.hgetall(name)
        : kind === "stream"
          ? await client.xrange(name, "-", "+")
          : kind === "set"
            ? await client.smembers(name)
            : await client.get(name);
    parts.push(name, JSON.stringify(values), dump.toString("latin1"));
  }
  return parts.join("\n");
}

async function within(ms: number, holds: () => Promise<boolean>): Promise<number> {
  const beganMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - beganMs > ms) throw new Error(`it did not come about within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return performance.now() - beganMs;
}

describe("keys", () => {
  it("createKey() makes a key that opens at once in every process, with its tenant and scopes", async () => {
    expect(await other.access.hasKeys()).toBe(false);
    const made = await farm.access.createKey(request({ name: "web", scopes: ["read"] }), ACTOR);
    expect(made.key).toMatch(/^lf_[0-9A-HJKMNP-TV-Z]{12}_[0-9A-HJKMNP-TV-Z]{40}$/);
    for (const { access } of [farm, other]) {
      expect(await access.authenticate(made.key)).toEqual({
        key: shown(made),
        tenant: { name: "acme", weight: 1, limits: {} },
      });
    }
    expect(await farm.access.hasKeys()).toBe(true);
  });

  it("authenticate() refuses wrong, unknown, malformed and revoked keys", async () => {
    const made = await farm.access.createKey(request(), ACTOR);
    const { access } = farm;
    const last = made.key.endsWith("0") ? "1" : "0";
    const wrong = [
      `${made.key.slice(0, -1)}${last}`,
      made.key.replace(made.id, "0".repeat(12)),
      made.key.slice(0, -1),
      `${made.key}0`,
      made.key.toLowerCase(),
      ` ${made.key}`,
      `${made.key}\n`,
      "lf___proto__0_",
      "",
      "x".repeat(100_000),
    ];
    for (const key of wrong) expect(await access.authenticate(key)).toBeUndefined();
    expect(await access.authenticate(made.key)).toBeDefined();
    await access.revokeKey(made.id, ACTOR);
    expect(await access.authenticate(made.key)).toBeUndefined();
  });

  it("createKey() leaves no trace of the secret in Redis", async () => {
    const made = await farm.access.createKey(request({ name: "visible" }), ACTOR);
    await farm.access.authenticate(made.key);
    await farm.access.countRequest({ ...shown(made), requests_per_minute: 5 });
    await farm.access.revokeKey(made.id, ACTOR);
    const secret = made.key.slice(-40);
    const text = await everything();
    expect(text).toContain("visible");
    expect(text).toContain(made.id);
    for (const form of [
      secret,
      Buffer.from(secret).toString("hex"),
      Buffer.from(secret).toString("base64"),
    ]) {
      expect(text).not.toContain(form);
    }
    // Nor does any stretch of it that would shorten a search.
    for (let i = 0; i + 10 <= secret.length; i++) expect(text).not.toContain(secret.slice(i, i + 10));
  });

  it("revokeKey() takes effect here at once and elsewhere within the stated time, and stands at its first time", async () => {
    const made = await farm.access.createKey(request(), ACTOR);
    expect(await other.access.authenticate(made.key)).toBeDefined();
    const revoked = await farm.access.revokeKey(made.id, ACTOR);
    expect(revoked?.revoked_at).toEqual(expect.any(String));
    expect(await farm.access.authenticate(made.key)).toBeUndefined();
    await within(ELSEWHERE_MS_MAX, async () => (await other.access.authenticate(made.key)) === undefined);
    expect(await other.access.revokeKey(made.id, ACTOR)).toEqual(revoked);
    expect(await farm.access.revokeKey("0".repeat(12), ACTOR)).toBeUndefined();
    expect((await farm.access.readAudit({ limit: 10 })).entries).toHaveLength(2);
  });

  it("listKeys() gives every key, revoked ones too, oldest first, and the farm does not open again", async () => {
    const made: NewKey[] = [];
    for (const name of ["a", "b", "c"]) {
      made.push(await farm.access.createKey(request({ name }), ACTOR));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    for (const { id } of made) await farm.access.revokeKey(id, ACTOR);
    const listed = await farm.access.listKeys();
    expect(listed.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(listed.every(({ revoked_at }) => revoked_at !== null)).toBe(true);
    expect(JSON.stringify(listed)).not.toMatch(/digest|lf_/);
    expect(await other.access.hasKeys()).toBe(true);
    expect(await farm.access.hasKeys()).toBe(true);
  });

  it("createKey() at the cap puts a key in the place of the one revoked first, and never of a live one", async () => {
    const first = await farm.access.createKey(request(), ACTOR);
    const second = await farm.access.createKey(request(), ACTOR);
    const filling = Array.from({ length: KEYS_MAX - 2 }, (_, i) => [`FILL${i}`, "{}"]).flat();
    await client.hset(KEYS_KEY, ...filling);
    await expect(farm.access.createKey(request(), ACTOR)).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringContaining("keys_max"),
    });
    await farm.access.revokeKey(second.id, ACTOR);
    await new Promise((resolve) => setTimeout(resolve, 2));
    await farm.access.revokeKey(first.id, ACTOR);
    const third = await farm.access.createKey(request(), ACTOR);
    expect(await client.hlen(KEYS_KEY)).toBe(KEYS_MAX);
    expect(await client.hkeys(REVOKED_KEY)).toEqual([first.id]);
    expect((await farm.access.listKeys()).map(({ id }) => id).sort()).toEqual([first.id, third.id].sort());
  });

  it("authenticate() asks Redis no more for many made-up keys than for few", async () => {
    const made = await farm.access.createKey(request(), ACTOR);
    await farm.access.authenticate(made.key);
    const calls = async () => Number(/total_commands_processed:(\d+)/.exec(await client.info("stats"))?.[1]);
    const before = await calls();
    const answers = await Promise.all(
      Array.from({ length: 5_000 }, () => farm.access.authenticate(madeUpKey())),
    );
    expect(answers.every((answer) => answer === undefined)).toBe(true);
    expect((await calls()) - before).toBeLessThan(50);
  });

  it("authenticate() costs no round trip for a key that was seen lately", async () => {
    const made = await farm.access.createKey(request(), ACTOR);
    await farm.access.authenticate(made.key);
    redis.pause();
    try {
      const beganMs = performance.now();
      for (let i = 0; i < 1_000; i++) expect(await farm.access.authenticate(made.key)).toBeDefined();
      expect(performance.now() - beganMs).toBeLessThan(1_000);
    } finally {
      redis.resume();
    }
  });
});

describe("rates", () => {
  it("countRequest() lets exactly the rate through, over processes and whatever comes at once", async () => {
    const rate = 20;
    const made = await farm.access.createKey(request({ requests_per_minute: rate }), ACTOR);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 * rate }, (_, i) => (i % 2 ? farm : other).access.countRequest(shown(made))),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(rate);
    const refusals = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({
        code: "rate_limited",
        details: {
          limit: "requests_per_minute",
          errors: [
            { path: "limits.requests_per_minute", message: expect.stringContaining(`at most ${rate}`) },
          ],
        },
      });
      expect(refusal.details.retry_after_seconds).toBeGreaterThanOrEqual(1);
      expect(refusal.details.retry_after_seconds).toBeLessThanOrEqual(60);
    }
  });

  it("countRequest() counts each key by itself, and not at all without a rate", async () => {
    const a = await farm.access.createKey(request({ requests_per_minute: 1 }), ACTOR);
    const b = await farm.access.createKey(request({ requests_per_minute: 1 }), ACTOR);
    const free = await farm.access.createKey(request(), ACTOR);
    await farm.access.countRequest(shown(a));
    await farm.access.countRequest(shown(b));
    await expect(farm.access.countRequest(shown(a))).rejects.toMatchObject({ code: "rate_limited" });
    for (let i = 0; i < 100; i++) await farm.access.countRequest(shown(free));
    const counters = (await client.keys("*rate*")).sort();
    expect(counters).toEqual([a, b].map(({ id }) => `{latentfarm}:rate:${id}`).sort());
    for (const name of counters) expect(await client.ttl(name)).toBeGreaterThan(0);
  });

  it("countRequest() says that the queue is away while Redis is", async () => {
    const key = { ...shown(await farm.access.createKey(request(), ACTOR)), requests_per_minute: 5 };
    await redis.stop();
    try {
      await expect(farm.access.countRequest(key)).rejects.toMatchObject({ code: "queue_unavailable" });
    } finally {
      await redis.restart();
    }
  });
});

describe("tenants", () => {
  it("setTenant() replaces what was set, for every process, in the fields that the scripts read", async () => {
    const limits = { queued_cost_max: 12.5, concurrent_frames_max: 7, running_frames_max: 2 };
    expect(await other.access.getTenant("acme")).toEqual({ name: "acme", weight: 1, limits: {} });
    await farm.access.setTenant("acme", { weight: 0.5, limits }, ACTOR);
    expect(await client.hgetall("{latentfarm}:tenant:acme")).toEqual({
      weight: "0.5",
      queued_cost_max: "12.5",
      concurrent_frames_max: "7",
      running_frames_max: "2",
    });
    expect(await farm.access.getTenant("acme")).toEqual({ name: "acme", weight: 0.5, limits });
    await within(ELSEWHERE_MS_MAX, async () => (await other.access.getTenant("acme")).weight === 0.5);
    await farm.access.setTenant("acme", { weight: 3, limits: { running_frames_max: 1 } }, ACTOR);
    expect(await client.hgetall("{latentfarm}:tenant:acme")).toEqual({
      weight: "3",
      running_frames_max: "1",
    });
  });

  it("listTenants() gives those that were set or have a key, by name, with what is open of them", async () => {
    await farm.access.createKey(request({ tenant: "zeta" }), ACTOR);
    await farm.access.setTenant("alpha", { weight: 2, limits: {} }, ACTOR);
    await client.hset("{latentfarm}:usage:alpha", { cost: 4_096, frames: 3, running: 1 });
    expect(await farm.access.listTenants()).toEqual([
      {
        name: "alpha",
        weight: 2,
        limits: {},
        usage: { queued_cost: 1.048576, concurrent_frames: 3, running_frames: 1 },
      },
      {
        name: "zeta",
        weight: 1,
        limits: {},
        usage: { queued_cost: 0, concurrent_frames: 0, running_frames: 0 },
      },
    ]);
  });

  it("setTenant() and createKey() add no tenant past the cap, and still change those that are there", async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `t${i}`);
    await client.sadd(TENANTS_KEY, ...names);
    const full = { code: "invalid_request", message: expect.stringContaining("tenants_max") };
    await expect(farm.access.setTenant("more", { weight: 1, limits: {} }, ACTOR)).rejects.toMatchObject(full);
    await expect(farm.access.createKey(request({ tenant: "more" }), ACTOR)).rejects.toMatchObject(full);
    expect(await farm.access.hasKeys()).toBe(false);
    await farm.access.createKey(request({ tenant: "t7" }), ACTOR);
    expect(await farm.access.listTenants()).toHaveLength(10_000);
  });
});

describe("readAudit()", () => {
  it("readAudit() tells every change once, newest first, page by page, and no secret", async () => {
    const made = await farm.access.createKey(request({ name: "web" }), "open");
    await farm.access.setTenant("acme", { weight: 2, limits: { running_frames_max: 1 } }, ACTOR);
    await farm.access.revokeKey(made.id, `key:${made.id}`);
    const first = await farm.access.readAudit({ limit: 2 });
    expect(first.entries.map(({ action, actor, target }) => [action, actor, target])).toEqual([
      ["key.revoke", `key:${made.id}`, `key:${made.id}`],
      ["tenant.set", ACTOR, "tenant:acme"],
    ]);
    expect(first.entries[1]?.details).toEqual({ weight: 2, limits: { running_frames_max: 1 } });
    const rest = await farm.access.readAudit({ limit: 2, cursor: first.next_cursor ?? undefined });
    expect(rest).toMatchObject({
      entries: [{ action: "key.create", actor: "open", details: { tenant: "acme", name: "web" } }],
      next_cursor: null,
    });
    expect(JSON.stringify([first, rest])).not.toContain(made.key.slice(-40));
  });

  it("readAudit() keeps a bounded number and refuses a cursor that is none", async () => {
    for (let i = 0; i < 12; i++) {
      const batch = client.pipeline();
      for (let j = 0; j < 1_000; j++) batch.xadd("{latentfarm}:audit", "*", "entry", "{}");
      await batch.exec();
    }
    await farm.access.createKey(request(), ACTOR);
    // The cap is met to a node of the stream, some hundred entries.
    expect(await client.xlen("{latentfarm}:audit")).toBeLessThan(10_500);
    for (const cursor of ["x", "1", "1-1)", "(1-1", ""]) {
      await expect(farm.access.readAudit({ limit: 1, cursor })).rejects.toMatchObject({
        code: "invalid_request",
      });
    }
    expect((await farm.access.readAudit({ limit: LIMITS.page_min })).entries).toHaveLength(1);
  });
});

function madeUpKey(): string {
  const text = randomBytes(26).toString("hex").toUpperCase();
  return `lf_${text.slice(0, 12)}_${text.slice(12)}`;
}
