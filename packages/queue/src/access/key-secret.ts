import { createHash, timingSafeEqual } from "node:crypto";

/** Crockford's base 32 without I, L, O and U, which are misread or spell words. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** 32 divides 256, so the low five bits of a random byte are as random as the byte. */
const CHAR_MASK = 31;
/** 60 bits tell ten thousand ids apart; an id is no secret. */
const ID_CHARS = 12;
/** 200 bits. */
const SECRET_CHARS = 40;

/** Where chance comes from: that many random bytes, fit for secrets. */
export type RandomBytes = (count: number) => Uint8Array;

/** A new key: its public id, and the whole text that its owner is shown once. */
export interface FreshKey {
  readonly id: string;
  readonly key: string;
  readonly digest: string;
}

/** Makes a key out of 260 random bits. */
export function makeKey(random: RandomBytes): FreshKey {
  const id = randomText(random, ID_CHARS);
  const secret = randomText(random, SECRET_CHARS);
  return { id, key: `lf_${id}_${secret}`, digest: digestOf(secret).toString("hex") };
}

/** True when the secret is the one that the digest was made of; takes as long for a near miss as for a far one. */
export function matchesDigest(secret: string, digest: string): boolean {
  const wanted = Buffer.from(digest, "hex");
  const given = digestOf(secret);
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

/**
 * What is kept of a secret. A plain SHA-256 is enough: slow, salted hashes protect passwords that can be guessed, and
 * 200 random bits cannot, while each request would pay for the slowness.
 */
function digestOf(secret: string): Buffer {
  return createHash("sha256").update(secret, "utf8").digest();
}

function randomText(random: RandomBytes, chars: number): string {
  return Array.from(random(chars), (byte) => ALPHABET.charAt(byte & CHAR_MASK)).join("");
}
