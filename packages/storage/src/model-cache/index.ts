export { type CachePlace, placeOf } from "./cache-layout.js";
export { LOCK_TIMES, type LockNote, type LockTimes } from "./cache-lock.js";
export { FETCH_LIMITS, type FetchLimits } from "./fetch-part.js";
export { MARK_FILE } from "./model-mark.js";
export {
  type ModelSource,
  type ModelSourceSettings,
  openModelSource,
  parseModelUrl,
  type SourceFile,
  type SourceRange,
} from "./model-source.js";
export { type ModelSum, SUMS_FILE } from "./model-sums.js";
export { holdModel, type ModelHold } from "./model-uses.js";
export { type PrunedModel, type PruneOptions, pruneModels } from "./prune-models.js";
export { type PullEvents, type PullOptions, type PullOutcome, pullModel } from "./pull-model.js";
export { type VerifiedFile, verifyModel, writeSums } from "./verify-model.js";
