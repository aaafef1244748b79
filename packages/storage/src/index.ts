export { createDiskStore } from "./disk-store.js";
export { assertKey, frameKey, inputKey, jobKey, snapshotKey } from "./keys.js";
export type { ObjectHead, ObjectInfo, ObjectStore, StoredObject } from "./object-store.js";
