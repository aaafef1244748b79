import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { playClient } from "./client.js";
import { drawGallery } from "./gallery.js";
import { isAtRest } from "./judge-books.js";
import { judgeWebhooks } from "./judge-webhooks.js";
import { judge } from "./oracle.js";
import { planJob, planStrikes, ROLES, type Role } from "./plan.js";
import { prepareTenants, type StormTenant } from "./prepare-tenants.js";
import { type ReadOptions, readEnding, readJobs, readStats } from "./read-endings.js";
import { startReceiver } from "./receiver.js";
import type { Ending, StormRecord, Story, Violation } from "./record.js";
import { type StormFarm, startStormFarm } from "./storm-farm.js";
import { strike, type Target } from "./strike.js";

/** How hard and how long a storm is. */
export interface StormOptions {
  readonly seed: number;
  readonly faults: number;
  /** Jobs at least; the load goes on for as long as the faults do. */
  readonly jobsMin: number;
  /** Clients at once. */
  readonly clients: number;
  readonly counts: Readonly<Record<Role, number>>;
  /** Where progress is told. */
  readonly tell: (line: string) => void;
}

/** What a storm left. */
export interface StormReport {
  readonly record: StormRecord;
  readonly violations: readonly Violation[];
  /** Faults that were struck. */
  readonly struck: number;
  /** Processes that ended though nothing had asked them to. */
  readonly crashes: readonly string[];
  /** The folder of the farm's logs; gone unless something was wrong. */
  readonly dataDir: string;
}

/**
 * Milliseconds after the last fault in which everything must have come to its end: a lost lock takes 10 s, a frame's
 * third try some more, and a webhook's endpoint that has failed rests for a while.
 */
const SETTLE_MS = 90_000;
/** Milliseconds between looks whether all webhooks are there. */
const WEBHOOK_POLL_MS = 500;
/** Milliseconds between looks whether a frame of a job that was canceled has left its worker, say. */
const REST_POLL_MS = 1_000;

/** Runs a storm from its seed and judges what it left. */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  await using receiver = await startReceiver();
  await using farm = await startStormFarm({ counts: options.counts, env: STORM_ENV });
  const tenants = await prepareTenants(farm, receiver);
  const [first] = tenants;
  const [url] = farm.urls;
  if (first === undefined || url === undefined) throw new Error("a storm has a tenant and a gateway");
  const gallery = await drawGallery(url, first.headers);
  options.tell(`seed ${options.seed}: the gallery is drawn, the storm begins`);
  const stories = await blow({ farm, receiver }, tenants, options);
  await Promise.all(ROLES.flatMap((role) => farm.members[role]).map(({ process }) => process.ready()));
  const read = (tenant: StormTenant): ReadOptions => ({ url, headers: tenant.headers, gallery });
  const books = await readBooks(tenants.map(read));
  const endings = await readEndings(stories, (story) => read(tenantOf(tenants, story)));
  const record = { stories, endings, ...books, receipts: receiver.receipts };
  await webhooksSettled(record);
  const report = {
    ...{ record, violations: judge(record), struck: options.faults },
    ...{ crashes: [...crashesOf(farm), ...receiver.oddities], dataDir: farm.dataDir },
  };
  if (report.violations.length > 0 || report.crashes.length > 0) farm.keepFolder();
  return report;
}

/** Short drains and retries, so that a storm of minutes shows what a farm does in days. */
const STORM_ENV: Readonly<Record<string, string>> = {
  FARM_DRAIN_SECONDS: "1",
  FARM_ENGINE_THREADS: "1",
  FARM_WORKER_CONCURRENCY: "4",
  FARM_WEBHOOK_LOOPBACK: "1",
  FARM_WEBHOOK_RETRY_SECONDS: "1,1,1,2,2,2,3,3,3,5,5,5,5,10,10,10,10,10,10,10",
};

/** Load and faults together; gives what every client was told. */
async function blow(
  target: Target,
  tenants: readonly StormTenant[],
  options: StormOptions,
): Promise<Story[]> {
  const over = new AbortController();
  setMaxListeners(0, over.signal); // Every request of every client listens to it.
  const stories: Story[] = [];
  let next = 0;
  let calm = false;
  const client = async (): Promise<void> => {
    while (!calm || next < options.jobsMin) {
      const plan = planJob(options.seed, next++);
      const tenant = tenants[plan.tenant % tenants.length];
      if (tenant === undefined) throw new Error("a storm has a tenant");
      const { headers, webhookUrl } = tenant;
      stories.push(
        await playClient(plan, { urls: target.farm.urls, headers, webhookUrl, signal: over.signal }),
      );
      if (over.signal.aborted) return;
    }
  };
  const clients = Promise.all(Array.from({ length: options.clients }, client));
  // Before the faults are done nobody waits for the clients: one that throws must not be an unhandled rejection.
  clients.catch(() => undefined);
  await strikeAll(target, options);
  calm = true;
  const timer = setTimeout(() => over.abort(), SETTLE_MS);
  await clients;
  clearTimeout(timer);
  return stories;
}

async function strikeAll(target: Target, { seed, faults, tell }: StormOptions): Promise<void> {
  for (const [at, { restMs, fault }] of planStrikes(seed, faults).entries()) {
    await delay(restMs);
    const begun = performance.now();
    await strike(target, fault);
    tell(
      `fault ${at + 1} of ${faults}: ${JSON.stringify(fault)}, ${Math.round(performance.now() - begun)} ms`,
    );
  }
}

function tenantOf(tenants: readonly StormTenant[], { plan }: Story): StormTenant {
  const tenant = tenants[plan.tenant % tenants.length];
  if (tenant === undefined) throw new Error("a storm has a tenant");
  return tenant;
}

async function readEndings(
  stories: readonly Story[],
  optionsOf: (story: Story) => ReadOptions,
): Promise<Ending[]> {
  const endings: Ending[] = [];
  for (const story of stories) {
    for (const id of new Set(story.accepted)) endings.push(await readEnding(story, id, optionsOf(story)));
  }
  return endings;
}

/** The books once nothing is open any more, or as they are when that takes too long. */
async function readBooks(tenants: readonly ReadOptions[]): Promise<Pick<StormRecord, "jobs" | "stats">> {
  for (const deadline = performance.now() + SETTLE_MS; ; await delay(REST_POLL_MS)) {
    const books = { jobs: await readJobs(tenants), stats: await readStats(tenants) };
    if (isAtRest(books) || performance.now() > deadline) return books;
  }
}

async function webhooksSettled(record: StormRecord): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  const isMissing = () => judgeWebhooks(record).some(({ rule }) => rule === "webhooks arrive");
  while (isMissing() && performance.now() < deadline) await delay(WEBHOOK_POLL_MS);
}

function crashesOf(farm: StormFarm): string[] {
  return ROLES.flatMap((role) => farm.members[role]).flatMap(({ name, process }) =>
    process.exits
      .filter(({ asked }) => !asked)
      .map(({ code, signal }) => `${name} ended by itself: code is ${code}, signal is ${signal}`),
  );
}
