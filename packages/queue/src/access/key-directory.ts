import type { ApiKey, Tenant } from "@latentfarm/contract";
import { KEY_CACHE_MS, TENANTS_MAX, UNKNOWN_KEY_CHECK_MS } from "./limits.js";

/** A key with what is kept of its secret. */
export interface StoredKey {
  readonly key: ApiKey;
  /** SHA-256 of the secret, in hex. */
  readonly digest: string;
  /** The record that both were read from: as long as it is the same, nothing needs to be read again. */
  readonly record: string;
}

/** All keys at one moment, and the version that they belong to; null before the first change. */
export interface KeySnapshot {
  readonly version: string | null;
  readonly keys: ReadonlyMap<string, StoredKey>;
}

/** Where a directory learns what it knows. Answers come in the order of the questions. */
export interface DirectorySource {
  readVersion(): Promise<string | null>;
  /** All keys as they are now; those of `before` that have not changed may be taken over. */
  readKeys(before: KeySnapshot | undefined): Promise<KeySnapshot>;
  readTenant(name: string): Promise<Tenant>;
}

/** What is known, and of tenants only those that were asked for. */
interface Known extends KeySnapshot {
  readonly tenants: Map<string, Promise<Tenant>>;
}

/**
 * All keys of the farm and the tenants that were asked for, in this process. What it tells is at most `KEY_CACHE_MS`
 * old: in that time it reads one version number, and the rest only when that has changed. A key that it does not know
 * is looked for once more, together with all others that were asked for within `UNKNOWN_KEY_CHECK_MS`; so a made-up key
 * is remembered nowhere and any number of them costs the same.
 */
export class KeyDirectory {
  readonly #source: DirectorySource;
  readonly #elapsedMs: () => number;
  #known: Known | undefined;
  /** When the look began that what is known was last confirmed by. */
  #confirmedMs = Number.NEGATIVE_INFINITY;
  #look: Promise<Known> | undefined;
  #nextLook: Promise<Known> | undefined;
  #hadKeys = false;

  constructor(source: DirectorySource, elapsedMs: () => number) {
    this.#source = source;
    this.#elapsedMs = elapsedMs;
  }

  /** The key with an id, revoked or not. */
  async find(id: string): Promise<StoredKey | undefined> {
    const known = await this.#current();
    return known.keys.get(id) ?? (await this.#newer()).keys.get(id);
  }

  /** True once this process has seen a key: a farm whose Redis was emptied does not open under its clients' feet. */
  async hasKeys(): Promise<boolean> {
    if (!this.#hadKeys) this.#hadKeys = (await this.#current()).keys.size > 0;
    return this.#hadKeys;
  }

  /** A tenant's settings. */
  async tenant(name: string): Promise<Tenant> {
    const { tenants } = await this.#current();
    const present = tenants.get(name);
    if (present !== undefined) return present;
    // Names come from keys and from administrators, so this many are a farm at its cap or one being looked through.
    if (tenants.size >= TENANTS_MAX) tenants.clear();
    const reading = this.#source.readTenant(name);
    tenants.set(name, reading);
    reading.catch(() => tenants.delete(name));
    return reading;
  }

  /** Says that something was changed by this process: the next answer is read anew. */
  expire(): void {
    this.#confirmedMs = Number.NEGATIVE_INFINITY;
    // A look that is under way may have read what stood before.
    this.#look = undefined;
  }

  async #current(): Promise<Known> {
    const ageMs = this.#elapsedMs() - this.#confirmedMs;
    if (this.#known === undefined || ageMs >= KEY_CACHE_MS) return this.#confirm();
    // Looking early keeps the round trip out of the requests of a busy process; a failure shows when it is due.
    if (ageMs >= KEY_CACHE_MS / 2) this.#confirm().catch(() => undefined);
    return this.#known;
  }

  /** What stands at some moment after this call. */
  #newer(): Promise<Known> {
    this.#nextLook ??= this.#lookAgain();
    return this.#nextLook;
  }

  async #lookAgain(): Promise<Known> {
    const waitMs = this.#confirmedMs + UNKNOWN_KEY_CHECK_MS - this.#elapsedMs();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    // One that is under way may have begun before the question.
    await this.#look?.catch(() => undefined);
    this.#nextLook = undefined;
    return this.#confirm();
  }

  #confirm(): Promise<Known> {
    if (this.#look !== undefined) return this.#look;
    const look: Promise<Known> = this.#read(() => this.#look === look).finally(() => {
      if (this.#look === look) this.#look = undefined;
    });
    this.#look = look;
    return look;
  }

  async #read(isNewest: () => boolean): Promise<Known> {
    const beganMs = this.#elapsedMs();
    const before = this.#known;
    const version = await this.#source.readVersion();
    const known =
      before !== undefined && before.version === version
        ? before
        : { ...(await this.#source.readKeys(before)), tenants: new Map() };
    if (isNewest()) {
      this.#known = known;
      this.#confirmedMs = beganMs;
    }
    return known;
  }
}
