export {
  type ApiKey,
  type AuditEntry,
  apiKeyIdSchema,
  apiKeySchema,
  auditEntrySchema,
  auditListSchema,
  type KeyRequest,
  keyListSchema,
  keyRequestSchema,
  type NewKey,
  newKeySchema,
  parseApiKey,
  SCOPES,
  type Scope,
} from "./api-key.js";
export { frameCost } from "./cost.js";
export { FARM_ENV_HELP, type FarmEnv, parseFarmEnv } from "./env.js";
export {
  ERROR_TRAITS,
  type ErrorCode,
  type ErrorDetails,
  type ErrorTraits,
  FarmError,
  invariant,
} from "./errors.js";
export {
  COUNTERS,
  type CounterName,
  type DryRun,
  dryRunSchema,
  type Eta,
  type EtaCalibration,
  etaCalibrationSchema,
  etaSchema,
  type ModelStats,
  modelStatsSchema,
  type Stats,
  statsSchema,
} from "./estimate.js";
export {
  isTerminalEvent,
  type JobEvent,
  type JobEventType,
  jobEventSchema,
  TERMINAL_EVENTS,
  type WireEvent,
  wireEventSchema,
} from "./events.js";
export { createJobId, type IdSource, isJobId, type JobId } from "./ids.js";
export {
  type Failure,
  type Frame,
  type FrameRecord,
  type FrameResult,
  type FrameTimings,
  failureSchema,
  frameListSchema,
  frameRecordSchema,
  frameResultSchema,
  frameSchema,
  type Job,
  type JobHead,
  type JobRecord,
  type JobSummary,
  jobHeadSchema,
  jobIdSchema,
  jobListSchema,
  jobRecordSchema,
  jobSchema,
  jobSummarySchema,
  progressSchema,
  statusSchema,
  timingsSchema,
} from "./job.js";
export { LIMITS, type LimitName } from "./limits.js";
export {
  type ModelInfo,
  modelInfoSchema,
  modelListSchema,
  type ServedModel,
  servedModelSchema,
  type WorkerInfo,
  workerInfoSchema,
  workerListSchema,
} from "./model.js";
export { createOpenApi } from "./openapi.js";
export {
  CONTENT_TYPES,
  type FrameParams,
  frameParams,
  frameParamsSchema,
  type InitImage,
  type JobParams,
  jobParamsSchema,
  OUTPUT_FORMATS,
  type OutputFormat,
  PRIORITIES,
  PRIORITY_DEFAULT,
  PRIORITY_WEIGHTS,
  type Priority,
  type SkipLayerGuidance,
} from "./params.js";
export { frameParamsHash } from "./params-hash.js";
export {
  MODEL_FILE_ROLES,
  type ModelFileRole,
  type ModelFiles,
  PICTURE_RECORD_VERSION,
  type PictureRecord,
  type Provenance,
  pictureRecordSchema,
  type Software,
} from "./picture-record.js";
export { PRECISION_PLANS, type PrecisionPlanName, precisionPlanSchema } from "./plan.js";
export { PROBLEM_CONTENT_TYPE, type Problem, problemSchema, toProblem } from "./problem.js";
export {
  deliveryListQuerySchema,
  frameListQuerySchema,
  jobListQuerySchema,
  pageQuerySchema,
  parseQuery,
  submitQuerySchema,
} from "./queries.js";
export {
  modelErrors,
  type ResolveOptions,
  resolveJobParams,
  SKIP_LAYER_GUIDANCE_DEFAULTS,
  STRENGTH_DEFAULT,
  skipLayerErrors,
} from "./resolve.js";
export { frameSeed, parseSeed, SEED_MAX } from "./seed.js";
export { isTerminal, STATUS_TRANSITIONS, STATUSES, type Status, TERMINAL_STATUSES } from "./states.js";
export { STOP_SECONDS_COURIER, STOP_SECONDS_GATEWAY, STOP_SECONDS_WORKER } from "./stop-seconds.js";
export { type SoundPart, type SubmitRequest, soundPart, submitRequestSchema } from "./submit.js";
export {
  TENANT_DEFAULT,
  type Tenant,
  type TenantLimitName,
  type TenantLimits,
  type TenantRequest,
  type TenantUsage,
  tenantLimitsSchema,
  tenantListSchema,
  tenantNameSchema,
  tenantRequestSchema,
  tenantSchema,
  tenantUsageSchema,
} from "./tenant.js";
export { type Checked, checkWith, type FieldError, fieldsError, parseWith } from "./validate.js";
export { FARM_VERSION } from "./version.js";
export {
  DEAD_REASONS,
  DELIVERY_STATUSES,
  type Delivery,
  type DeliveryAttempt,
  deliveryAttemptSchema,
  deliveryListSchema,
  deliverySchema,
  type Endpoint,
  endpointListSchema,
  endpointSchema,
  endpointSecretSchema,
  type JobWebhook,
  jobWebhookSchema,
  rotateRequestSchema,
  WEBHOOK_EVENTS,
  WEBHOOK_EVENTS_DEFAULT,
  type WebhookEvent,
  type WebhookPayload,
  webhookEnvelopeSchema,
  webhookRequestSchema,
} from "./webhook.js";
export { eventToWire, framesToWire, jobPath, jobToSummary, jobToWire } from "./wire.js";
