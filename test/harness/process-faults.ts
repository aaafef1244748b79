import type { PathLike } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * What a rename does, and with it each write to the disk store, whose commit is a rename: it works; it is refused with
 * `ENOSPC` or `EIO` and nothing is written; or it is done and then reported as failed, the kind that turns a careless
 * repeat into a second result.
 */
export type StoreFault = "none" | "full" | "broken" | "lies";

/** What is wrong in a process from now on; sent to it over its IPC channel. */
export interface ProcessFault {
  readonly type: "fault";
  /** Milliseconds that its clock is ahead of the machine's; absent for no change. */
  readonly clockOffsetMs?: number;
  /** Absent for no change. */
  readonly store?: StoreFault;
}

/** What the faults change; a test hands in a stand-in. */
export interface FaultyWorld {
  readonly fs: { rename: (from: PathLike, to: PathLike) => Promise<void> };
  readonly globals: { Date: DateConstructor };
  /** Called when `fs` has been changed. */
  readonly onChange: () => void;
}

/** Node's environment for a process that takes faults over IPC: it loads this file's build before its own main. */
export function faultyEnvironment(): Readonly<Record<string, string>> {
  const built = new URL("../dist/harness/process-faults.js", import.meta.url);
  const here = fileURLToPath(import.meta.url).endsWith(".js") ? new URL(import.meta.url) : built;
  const source = `import { takeFaults } from ${JSON.stringify(here.href)}; takeFaults();`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` };
}

/**
 * Makes this process take faults from its parent. Nothing in production code knows of them: they lie below, in Node's
 * own modules and globals.
 */
export function takeFaults(): void {
  const require = createRequire(import.meta.url);
  const inject = injectInto({
    fs: require("node:fs/promises"),
    globals: globalThis,
    onChange: syncBuiltinESMExports,
  });
  process.on("message", (message) => {
    if (isFault(message)) inject(message);
  });
  // The listener alone must not keep a process alive that has nothing else to do.
  process.channel?.unref();
}

/** Puts the faults below a world; gives what sets them. */
export function injectInto(world: FaultyWorld): (fault: ProcessFault) => void {
  let offsetMs = 0;
  let store: StoreFault = "none";
  const RealDate = world.globals.Date;
  const realNow = RealDate.now.bind(RealDate);
  const rename = world.fs.rename;
  world.globals.Date = class SkewedDate extends RealDate {
    constructor(...given: unknown[]) {
      // Date's overloads cannot be spread into: what came in goes on as it came.
      super(...((given.length === 0 ? [realNow() + offsetMs] : given) as [number]));
    }
    static override now(): number {
      return realNow() + offsetMs;
    }
  } as DateConstructor;
  world.fs.rename = async (from, to) => {
    const asked = store;
    if (asked === "full") throw refusal("ENOSPC");
    if (asked === "broken") throw refusal("EIO");
    await rename(from, to);
    if (asked === "lies") throw refusal("EIO");
  };
  world.onChange();
  return (fault) => {
    offsetMs = fault.clockOffsetMs ?? offsetMs;
    store = fault.store ?? store;
  };
}

function refusal(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

function isFault(message: unknown): message is ProcessFault {
  return (
    typeof message === "object" &&
    message !== null &&
    "type" in message &&
    Reflect.get(message, "type") === "fault"
  );
}
