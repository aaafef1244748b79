import { type ChildProcess, fork } from "node:child_process";
import { createProcessLog } from "./process-log.js";
import type { ProcessPlan } from "./supervisor.js";

/** What a gateway or worker says over its channel once it serves. */
export type ReadyMessage = Readonly<Record<string, unknown>>;

/** One Node program of the farm. */
export interface NodeProcessOptions {
  readonly name: string;
  /** The program's main file. */
  readonly main: string;
  readonly logPath: string;
  /** The whole environment; `last` is the ready message of the life before. */
  environment(last: ReadyMessage | undefined): Readonly<Record<string, string>>;
}

/**
 * The plan of a Node program that says `{type: "ready"}` over its channel. The channel also ties it to this process:
 * when this one is killed, the channel closes and the program ends by itself.
 */
export function planNodeProcess(options: NodeProcessOptions): ProcessPlan<ReadyMessage> {
  const log = createProcessLog(options.logPath);
  return {
    name: options.name,
    logTail: log.tail,
    spawn(last) {
      const output = log.open();
      const child = fork(options.main, [], {
        env: options.environment(last),
        // Flags of this process, such as a debugger's port, are not the child's.
        execArgv: [],
        // A group of its own: Ctrl-C reaches only this process, which then drains in order.
        detached: true,
        stdio: ["ignore", output, output, "ipc"],
      });
      log.close(output);
      child.on("error", () => undefined);
      return child;
    },
    whenReady: readyMessage,
  };
}

function readyMessage(child: ChildProcess, signal: AbortSignal): Promise<ReadyMessage> {
  return new Promise((resolve, reject) => {
    const listen = (message: unknown) => {
      if (!isReady(message)) return;
      child.off("message", listen);
      resolve(message);
    };
    child.on("message", listen);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function isReady(message: unknown): message is ReadyMessage {
  return typeof message === "object" && message !== null && "type" in message && message.type === "ready";
}
