import { setTimeout as delay } from "node:timers/promises";
import type { FarmProcess } from "./processes.js";

/** Milliseconds between the end of a process and its next start, as a service manager waits. */
const RESTART_MS = 300;

/** How a process of the farm ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** A fault or the end of the run asked for it. */
  readonly asked: boolean;
}

/** A process that is started again whenever it ends. */
export interface Supervised<Ready> {
  /** The live process; undefined between an end and the next readiness. */
  readonly current: FarmProcess<Ready> | undefined;
  /** Every end so far. */
  readonly exits: readonly ProcessExit[];
  /** Starts that did not come to readiness, with why. */
  readonly failedStarts: readonly string[];
  /** Sends a signal to the live process; false when there is none. */
  signal(signal: NodeJS.Signals): boolean;
  /** Resolves once the process is ready. */
  ready(): Promise<FarmProcess<Ready>>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** Starts a process and keeps it alive; throws when the very first start fails. */
export async function supervise<Ready>(start: () => Promise<FarmProcess<Ready>>): Promise<Supervised<Ready>> {
  let current: FarmProcess<Ready> | undefined = await start();
  let stopping = false;
  let asked = false;
  const exits: ProcessExit[] = [];
  const failedStarts: string[] = [];
  const startAgain = async (): Promise<void> => {
    while (!stopping && current === undefined) {
      await delay(RESTART_MS);
      try {
        current = await start();
      } catch (error) {
        failedStarts.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  const watch = async (): Promise<void> => {
    while (current !== undefined) {
      exits.push({ ...(await current.exited), asked });
      asked = false;
      current = undefined;
      await startAgain();
    }
  };
  const watching = watch();
  return {
    get current() {
      return current;
    },
    exits,
    failedStarts,
    signal(signal) {
      if (current === undefined) return false;
      if (signal !== "SIGSTOP" && signal !== "SIGCONT") asked = true;
      return current.child.kill(signal);
    },
    async ready() {
      while (current === undefined) await delay(RESTART_MS / 10);
      return current;
    },
    async stop() {
      stopping = true;
      asked = true;
      await current?.stop();
      await watching;
    },
  };
}
