/** What lies beside an object's bytes. */
export interface ObjectInfo {
  readonly contentType: string;
  /** The writer's own labels, such as the attempt and the hash of the parameters. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** An object as it is written. */
export interface NewObjectInfo extends ObjectInfo {
  /**
   * What the store's own rules may go by, such as the tenant for a lifecycle rule of S3; never given back. Names and
   * values are those of tenants and the farm's own words: letters, digits, `-` and `_`.
   */
  readonly tags?: Readonly<Record<string, string>>;
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

/** One entry of a listing. */
export interface ListedObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970 of the put that it is of. */
  readonly modifiedMs: number;
}

/** A URL by which anyone may read one object for a while. It is a secret: it goes to its reader and into no log. */
export interface SignedUrl {
  readonly url: string;
  /** Milliseconds since 1970 from which on it is refused. */
  readonly expiresMs: number;
}

/** What the answer to a signed URL says of the object. */
export interface SignedAnswer {
  /** The `Content-Disposition`. */
  readonly disposition: string;
}

/**
 * Where results lie. A put is atomic: readers see the old object or the new one, bytes and metadata together, never
 * a part; when put() has returned, the object outlives a power cut. Of two puts to one key the later wins.
 * Every method throws RangeError for a malformed key and FarmError store_unavailable when the store fails.
 */
export interface ObjectStore {
  /** Writes or replaces an object. */
  put(key: string, bytes: Uint8Array, info: NewObjectInfo): Promise<void>;
  /**
   * The store's identity, made at the first call.
   * @throws {FarmError} config_invalid the store's settings name what does not exist or may not be used
   */
  identify(): Promise<StoreIdentity>;
  /** Reads an object, or gives undefined when there is none or what is there is damaged. */
  get(key: string): Promise<StoredObject | undefined>;
  /** Reads an object's description, or gives undefined as get() does. */
  head(key: string): Promise<ObjectHead | undefined>;
  /** Removes an object; one that is not there is no error. Beside a put to the same key, either may win. */
  delete(key: string): Promise<void>;
  /** Every object below a folder, in no order; those that come or go meanwhile may be told or not. */
  list(folder: string): AsyncIterable<ListedObject>;
  /** A URL by which the store itself hands an object out; undefined from a store that cannot. Asks the store nothing. */
  sign(key: string, answer: SignedAnswer): Promise<SignedUrl | undefined>;
}
