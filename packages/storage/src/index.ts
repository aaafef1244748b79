export { type CollectedJob, type CollectOptions, collectJobs } from "./collect-jobs.js";
export { createStore, type StoreEnv, type StoreSettings, storeSettingsOf } from "./create-store.js";
export { createDiskStore } from "./disk-store.js";
export { listSidecars, readSidecar, writeSidecar } from "./job-sidecar.js";
export { assertKey, frameKey, inputKey, jobIdOf, jobKey, snapshotKey } from "./keys.js";
export type {
  ListedObject,
  NewObjectInfo,
  ObjectHead,
  ObjectInfo,
  ObjectStore,
  SignedAnswer,
  SignedUrl,
  StoredObject,
  StoreIdentity,
} from "./object-store.js";
export { removeEmptyFolder } from "./remove-empty-folder.js";
export type { S3Checksums, S3Encryption, S3Limits, S3Settings, S3StorageClass } from "./s3/s3-settings.js";
export { createTimedStore, type StoreCall } from "./timed-store.js";
