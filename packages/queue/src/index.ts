export type { Access, Actor, Caller, PageOptions } from "./access/access.js";
export { KEY_CACHE_MS } from "./access/limits.js";
export { connectQueue } from "./connect-queue.js";
export type {
  ConsumeOptions,
  EventOptions,
  Farm,
  Forecast,
  FrameConsumer,
  FramePage,
  FrameQuery,
  FrameWork,
  Idempotency,
  JobDraft,
  JobFrame,
  JobQuery,
  KeepOptions,
  NewJob,
  QueueHealth,
  QueueLog,
  QueueOptions,
  StoreIdentity,
} from "./farm.js";
export { joinFarm } from "./join-farm.js";
export { HEARTBEAT_MS, SNAPSHOT_BYTES_MAX, WORKER_KEPT_MS } from "./limits.js";
export { type RedisEnv, redisUrlOf } from "./redis/redis-url.js";
export type {
  DeliverOptions,
  DeliveryConsumer,
  DeliveryOutcome,
  DeliveryPage,
  DeliveryQuery,
  DeliveryWork,
  WebhookStore,
} from "./webhooks/webhook-store.js";
