import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { CLAIM, COMMIT, LEAVE, PREVIEW, PROGRESS, SNAPSHOT, START } from "../../scripts/attempts.js";
import { CANCEL, CREATE, EXPIRE, FILED, RETRY } from "../../scripts/jobs.js";
import { RELEASE, STRAYS } from "../../scripts/release.js";
import type { Script } from "../../scripts/script.js";
import { OBSERVE } from "./observation.js";

/** The scripts of the state machine, as production runs them. */
export const SCRIPTS = {
  create: CREATE,
  cancel: CANCEL,
  expire: EXPIRE,
  retry: RETRY,
  filed: FILED,
  claim: CLAIM,
  start: START,
  progress: PROGRESS,
  preview: PREVIEW,
  snapshot: SNAPSHOT,
  commit: COMMIT,
  leave: LEAVE,
  release: RELEASE,
  strays: STRAYS,
} as const satisfies Readonly<Record<string, Script>>;

/** The name of a script of the state machine. */
export type ScriptName = keyof typeof SCRIPTS;

/** A deliberate bug: a piece of production text and what stands in its place, in every script or in those named. */
export interface TextBug {
  readonly find: string;
  readonly replace: string;
  readonly scripts?: readonly ScriptName[];
  /** The first seed that is tried, for a bug that shows itself in one of thousands. */
  readonly from?: number;
}

/** How production reads the time. */
const REAL_TIME = `local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)`;

/** A script that is ready to run: its digest. */
export type LoadedScripts = Readonly<Record<ScriptName, string>>;

/**
 * Loads every script with the virtual time, its last argument, in the place of Redis's clock, and with an observation of
 * what it did behind it. Nothing else of the production text changes, but for a bug that is asked for.
 * @throws {Error} the text of the clock or of the bug is not there
 */
export async function loadScripts(redis: Redis, bugs: readonly TextBug[] = []): Promise<LoadedScripts> {
  const names = Object.keys(SCRIPTS).filter(isScriptName);
  const unused = new Set(bugs);
  const digests = names.map(async (name) => {
    let text = replaceOnce(SCRIPTS[name].lua, REAL_TIME, "return tonumber(ARGV[#ARGV])");
    for (const bug of bugs) {
      if (bug.scripts?.includes(name) === false || !text.includes(bug.find)) continue;
      text = text.replace(bug.find, () => bug.replace);
      unused.delete(bug);
    }
    const lua = `local ok, answer = pcall(function()\n${text}\nend)\n${OBSERVE}`;
    await redis.script("LOAD", lua);
    return [name, createHash("sha1").update(lua).digest("hex")] as const;
  });
  const loaded = new Map(await Promise.all(digests));
  const missing = [...unused].map(({ find }) => find);
  if (missing.length > 0)
    throw new Error(`Cannot plant the bug as its place is gone: text is ${missing.join(" / ")}`);
  const digestOf = (name: ScriptName) => loaded.get(name) ?? "";
  return {
    create: digestOf("create"),
    cancel: digestOf("cancel"),
    expire: digestOf("expire"),
    retry: digestOf("retry"),
    filed: digestOf("filed"),
    claim: digestOf("claim"),
    start: digestOf("start"),
    progress: digestOf("progress"),
    preview: digestOf("preview"),
    snapshot: digestOf("snapshot"),
    commit: digestOf("commit"),
    leave: digestOf("leave"),
    release: digestOf("release"),
    strays: digestOf("strays"),
  };
}

function isScriptName(name: string): name is ScriptName {
  return Object.hasOwn(SCRIPTS, name);
}

function replaceOnce(text: string, find: string, replace: string): string {
  if (!text.includes(find)) throw new Error(`Cannot take the clock's place as it is gone: text is ${find}`);
  return text.replace(find, () => replace);
}
