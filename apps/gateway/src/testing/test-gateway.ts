import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDiskStore, type ObjectStore } from "@latentfarm/storage";
import { STRICT_POLICY, type WebhookPolicy } from "@latentfarm/webhooks";
import { createApp } from "../app.js";
import { type ContextOverrides, createContext, type GatewayContext } from "../context.js";
import { createFakeFarm, type FakeFarm } from "./fake-farm.js";

/** An application over a farm in memory and a store in a folder of its own. */
export interface TestGateway extends AsyncDisposable {
  readonly farm: FakeFarm;
  readonly store: ObjectStore;
  readonly context: GatewayContext;
  readonly app: ReturnType<typeof createApp>;
  /** Each line of the log: its sentence, then its fields as JSON. */
  readonly logged: string[];
}

/** Where a test gateway is said to listen, and what of its context is replaced. */
export interface TestGatewayOptions extends ContextOverrides {
  readonly host?: string;
  readonly webhookPolicy?: WebhookPolicy;
}

/** The time at which a test gateway stands, in milliseconds. */
export const TEST_NOW_MS: number = Date.UTC(2026, 0, 1);

/** Makes a gateway without a port or a Redis. */
export async function createTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const { host = "127.0.0.1", webhookPolicy = STRICT_POLICY, ...overrides } = options;
  const dataDir = await mkdtemp(join(tmpdir(), "latentfarm-gateway-"));
  const [farm, store, logged] = [createFakeFarm(), createDiskStore(dataDir), [] as string[]];
  const write = (fields: object, message: string): void =>
    void logged.push(`${message} ${JSON.stringify(fields)}`);
  const context = await createContext(
    {
      host,
      port: 0,
      lameDuckMs: 0,
      store: { kind: "disk", root: dataDir },
      webhookPolicy,
      logLevel: "silent",
      isTraced: false,
    },
    { redisUrl: "redis://unused" },
    {
      farm,
      store,
      log: { info: write, warn: write, error: write },
      nowMs: () => TEST_NOW_MS,
      drawSeed: () => "42",
      ...overrides,
    },
  );
  return {
    farm,
    store,
    context,
    app: createApp(context),
    logged,
    async [Symbol.asyncDispose]() {
      await context[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
