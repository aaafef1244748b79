export type { WorkerConfig, WorkerSecrets } from "./config/env.js";
export { type ContextOverrides, createContext, type WorkerContext } from "./context.js";
export { type RunOptions, runWorker } from "./run-worker.js";
