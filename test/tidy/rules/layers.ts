/** Where a package stands: arrows go floor <- towers <- apps, and the two towers do not know each other. */
export type Layer = "contract" | "floor" | "model" | "service" | "data" | "app";

/** DESIGN section 3. `data` is the demo checkpoint: files that apps may name, that import nothing. */
const PACKAGE_LAYERS: ReadonlyMap<string, Layer> = new Map([
  ["contract", "contract"],
  ["telemetry", "floor"],
  ["safetensors", "model"],
  ["onnx", "model"],
  ["sd35", "model"],
  ["sampling", "model"],
  ["engine", "model"],
  ["queue", "service"],
  ["storage", "service"],
  ["webhooks", "service"],
  ["image", "service"],
  ["client", "service"],
  ["demo-model", "data"],
]);

const APPS: readonly string[] = ["gateway", "worker", "courier", "console", "cli"];

/** What each layer may import, itself aside where it is named. */
const ALLOWED: Readonly<Record<Layer, readonly Layer[]>> = {
  contract: [],
  floor: ["contract"],
  model: ["contract", "floor", "model"],
  service: ["contract", "floor", "service"],
  data: ["contract", "floor"],
  app: ["contract", "floor", "model", "service", "data"],
};

/**
 * The packages that may import a third party. A library behind one owner can be replaced in one place, and its errors
 * are translated there.
 */
export const THIRD_PARTY_OWNERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["express", ["gateway"]],
  ["bullmq", ["queue"]],
  ["ioredis", ["queue"]],
  ["rate-limiter-flexible", ["queue"]],
  ["standardwebhooks", ["webhooks"]],
  ["ipaddr.js", ["webhooks"]],
  ["onnxruntime-node", ["engine"]],
  ["onnxruntime-common", ["engine"]],
  ["sharp", ["image"]],
  ["@contentauth/c2pa-wasm", ["image"]],
  ["@aws-sdk/client-s3", ["storage"]],
  ["@aws-sdk/s3-request-presigner", ["storage"]],
  ["@opentelemetry/api", ["telemetry"]],
  ["@opentelemetry/sdk-trace-node", ["telemetry"]],
  ["@opentelemetry/exporter-trace-otlp-proto", ["telemetry"]],
  ["@opentelemetry/resources", ["telemetry"]],
  ["@opentelemetry/context-async-hooks", ["telemetry"]],
  ["@opentelemetry/core", ["telemetry"]],
  ["pino", ["telemetry"]],
  ["prom-client", ["telemetry"]],
  ["zod", ["contract"]],
  ["protobufjs", ["onnx"]],
  ["@huggingface/tokenizers", ["sd35"]],
  ["commander", ["cli"]],
  ["cli-progress", ["cli"]],
  ["picocolors", ["cli"]],
]);

/** Entry points of packages beside the main one, as their `exports` name them, with what keeps them apart from it. */
export const ENTRY_POINTS: ReadonlySet<string> = new Set([
  // The SDK takes 0.4 s to read: a farm on disk is spared it.
  "storage/s3",
  "storage/model-cache",
  // Assertions, which no process of the farm needs.
  "storage/testing",
  // The order of frames by virtual time, for simulations.
  "queue/testing",
]);

/** The layer of a package by its name, or of a file by its path. */
export function layerOf(place: string): Layer | undefined {
  const [, group, folder] = /^(apps|packages)\/([^/]+)\//.exec(place) ?? [];
  if (group === "apps") return "app";
  const name = folder ?? place;
  return PACKAGE_LAYERS.get(name) ?? (APPS.includes(name) ? "app" : undefined);
}

/** True when an arrow from one layer to the other is allowed. */
export function mayImport(from: Layer, to: Layer): boolean {
  return ALLOWED[from].includes(to);
}

/** A package with its layer, for messages. */
export function describeLayer(name: string, layer: Layer): string {
  return `${name} (${layer})`;
}
