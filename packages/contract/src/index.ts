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
  frameRecordSchema,
  frameResultSchema,
  frameSchema,
  type Job,
  type JobRecord,
  jobIdSchema,
  jobRecordSchema,
  jobSchema,
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
  type Priority,
  type SkipLayerGuidance,
} from "./params.js";
export { frameParamsHash } from "./params-hash.js";
export { PRECISION_PLANS, type PrecisionPlanName, precisionPlanSchema } from "./plan.js";
export { PROBLEM_CONTENT_TYPE, type Problem, problemSchema, toProblem } from "./problem.js";
export {
  modelErrors,
  type ResolveOptions,
  resolveJobParams,
  SKIP_LAYER_GUIDANCE_DEFAULTS,
  STRENGTH_DEFAULT,
  skipLayerErrors,
} from "./resolve.js";
export { frameSeed, parseSeed, SEED_MAX } from "./seed.js";
export { isTerminal, STATUS_TRANSITIONS, STATUSES, type Status } from "./states.js";
export { type SoundPart, type SubmitRequest, soundPart, submitRequestSchema } from "./submit.js";
export { type Checked, checkWith, type FieldError, fieldsError, parseWith } from "./validate.js";
