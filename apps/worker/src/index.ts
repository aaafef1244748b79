export type { WorkerConfig, WorkerSecrets } from "./config/env.js";
export { type ContextOverrides, createContext, type WorkerContext } from "./context.js";
export { DRAIN_MS_MAX, type RunOptions, runWorker } from "./run-worker.js";
