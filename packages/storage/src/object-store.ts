/** What lies beside an object's bytes. */
export interface ObjectInfo {
  readonly contentType: string;
  /** The writer's own labels, such as the attempt and the hash of the parameters. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** An object without its bytes. */
export interface ObjectHead extends ObjectInfo {
  /** Bytes. */
  readonly size: number;
  /** Hexadecimal SHA-256 of the bytes. */
  readonly sha256: string;
}

/** An object with its bytes, which match `sha256`. */
export interface StoredObject extends ObjectHead {
  readonly bytes: Uint8Array;
}

/** What tells a store from any other. */
export interface StoreIdentity {
  /** The same for every process that sees the same objects. */
  readonly id: string;
  /** Where it is, in words for a person. */
  readonly place: string;
}

/**
 * Where results lie. A put is atomic: readers see the old object or the new one, bytes and metadata together, never
 * a part; when put() has returned, the object outlives a power cut. Of two puts to one key the later wins.
 * Every method throws RangeError for a malformed key and FarmError store_unavailable when the store fails.
 */
export interface ObjectStore {
  /** Writes or replaces an object. */
  put(key: string, bytes: Uint8Array, info: ObjectInfo): Promise<void>;
  /** The store's identity, made at the first call. */
  identify(): Promise<StoreIdentity>;
  /** Reads an object, or gives undefined when there is none or what is there is damaged. */
  get(key: string): Promise<StoredObject | undefined>;
  /** Reads an object's description, or gives undefined as get() does. */
  head(key: string): Promise<ObjectHead | undefined>;
  /** Removes an object; one that is not there is no error. Beside a put to the same key, either may win. */
  delete(key: string): Promise<void>;
}
