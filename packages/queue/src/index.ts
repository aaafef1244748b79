export { connectQueue } from "./connect-queue.js";
export type {
  ConsumeOptions,
  EventOptions,
  Farm,
  FrameConsumer,
  FrameWork,
  Idempotency,
  NewJob,
  QueueLog,
  QueueOptions,
  StoreIdentity,
} from "./farm.js";
export { joinFarm } from "./join-farm.js";
export { HEARTBEAT_MS, SNAPSHOT_BYTES_MAX, WORKER_KEPT_MS } from "./limits.js";
