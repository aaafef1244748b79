import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import type { Script } from "../scripts/script.js";
import { bounded } from "./errors.js";

/** What a script is given; bytes arrive as they are. */
export type ScriptArgument = string | number | Buffer;

/**
 * Runs a script by its digest, sending its text only to a Redis that does not know it yet. Gives the answer as texts,
 * the first of which says what happened.
 * @throws {FarmError} queue_unavailable; internal
 */
export function runScript(
  redis: Redis,
  script: Script,
  call: { readonly keys: readonly string[]; readonly args: readonly ScriptArgument[] },
): Promise<readonly [string, ...string[]]> {
  return bounded(`run the script ${script.name}`, async () => {
    const parameters = [...call.keys, ...call.args];
    return answerOf(script, await evaluate(redis, script, { keyCount: call.keys.length, parameters }));
  });
}

async function evaluate(
  redis: Redis,
  script: Script,
  call: { readonly keyCount: number; readonly parameters: readonly ScriptArgument[] },
): Promise<unknown> {
  const digest = digestOf(script);
  try {
    return await redis.evalsha(digest, call.keyCount, ...call.parameters);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    return redis.eval(script.lua, call.keyCount, ...call.parameters);
  }
}

/** Texts of over 10 kB: each is hashed once. */
const digests = new WeakMap<Script, string>();

function digestOf(script: Script): string {
  const known = digests.get(script);
  if (known !== undefined) return known;
  const digest = createHash("sha1").update(script.lua).digest("hex");
  digests.set(script, digest);
  return digest;
}

function answerOf(script: Script, answer: unknown): readonly [string, ...string[]] {
  if (!Array.isArray(answer)) throw new TypeError(`Cannot read the answer of ${script.name}: it is no list`);
  const [first, ...rest] = answer.map(String);
  if (first === undefined) throw new TypeError(`Cannot read the answer of ${script.name}: it is empty`);
  return [first, ...rest];
}
