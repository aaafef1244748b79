import { type SoundPart, soundPart } from "@latentfarm/contract";

/** What a picture's text says in the farm's own words. */
export interface ReadFields {
  /** The fields that the farm takes as they are. */
  readonly fields: SoundPart;
  /** What the text says besides, which drawing it again will lack; in words. */
  readonly missed: readonly string[];
}

/** Pieces of text that are told at most, and the characters of each: a hostile text has millions. */
const MISSED_MAX = 32;
const MISSED_CHARS_MAX = 120;

/** Collects fields of unknown worth, and checks them against the contract at the end. */
export function createFieldReader() {
  const given = new Map<string, unknown>();
  const missed: string[] = [];
  const miss = (what: string): void => {
    const cut = what.length > MISSED_CHARS_MAX ? `${what.slice(0, MISSED_CHARS_MAX)}…` : what;
    if (missed.length < MISSED_MAX && !missed.includes(cut)) missed.push(cut);
  };
  return {
    /** An absent value is none. */
    set(field: keyof SoundPart, value: unknown): void {
      if (value !== undefined) given.set(field, value);
    },
    /** Notes what cannot be said in the farm's words. */
    miss,
    finish(): ReadFields {
      const { strength, ...rest } = Object.fromEntries(given);
      // The contract takes a strength only beside an image, which no text holds.
      const sound = soundPart({ ...rest, ...(strength !== undefined && { image: "-", strength }) });
      const { image: _unused, ...fields } = sound;
      for (const [field, value] of given) {
        if (!Object.hasOwn(fields, field)) miss(`${field}: ${JSON.stringify(value)}`);
      }
      return { fields, missed };
    },
  };
}
