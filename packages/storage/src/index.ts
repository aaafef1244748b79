export { createDiskStore } from "./disk-store.js";
export { readSidecar, writeSidecar } from "./job-sidecar.js";
export { assertKey, frameKey, inputKey, jobKey, snapshotKey } from "./keys.js";
export type { ObjectHead, ObjectInfo, ObjectStore, StoredObject, StoreIdentity } from "./object-store.js";
