/** The id of a job: `job_` and 26 characters of Crockford's base 32; ids sort by the time they were made. */
export type JobId = string & { readonly __brand: "JobId" };

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** 48 bits of milliseconds take 10 characters of 5 bits, 80 random bits take 16. Source: github.com/ulid/spec. */
const TIME_CHARS = 10;
const RANDOM_BYTES = 10;
const RANDOM_CHARS = 16;
const BITS_PER_CHAR = 5n;
const CHAR_MASK = 31n;
/** The first character of a 48-bit time holds 3 bits, so it is at most 7. */
const JOB_ID = /^job_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Where an id's time and chance come from: parameters, so that tests make the same id twice. */
export interface IdSource {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** At least 10 random bytes. */
  readonly random: Uint8Array;
}

/**
 * Makes a job id out of a time and 80 random bits.
 * @throws {RangeError} fewer than 10 random bytes, or a time outside 48 bits.
 */
export function createJobId(source: IdSource): JobId {
  if (source.random.length < RANDOM_BYTES) {
    throw new RangeError(
      `Cannot make a job id: random is ${source.random.length} bytes, not ${RANDOM_BYTES}`,
    );
  }
  const time = BigInt(Math.trunc(source.nowMs));
  if (time < 0n || time >= 1n << 48n) throw new RangeError(`Cannot make a job id: nowMs is ${source.nowMs}`);
  let chance = 0n;
  for (const byte of source.random.subarray(0, RANDOM_BYTES)) chance = (chance << 8n) | BigInt(byte);
  const id = `job_${encode(time, TIME_CHARS)}${encode(chance, RANDOM_CHARS)}`;
  if (!isJobId(id)) throw new RangeError(`Cannot make a job id: ${id} is malformed`);
  return id;
}

/** True when the text has the form of a job id, whether or not such a job exists. */
export function isJobId(text: string): text is JobId {
  return JOB_ID.test(text);
}

function encode(value: bigint, chars: number): string {
  let text = "";
  for (let left = value, i = 0; i < chars; i++, left >>= BITS_PER_CHAR) {
    text = ALPHABET.charAt(Number(left & CHAR_MASK)) + text;
  }
  return text;
}
