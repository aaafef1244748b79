import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type ProcessMemory, readDiskBytes, watchMemory } from "../measure/process-memory.js";

/** One phase and how long it took, in seconds. */
export interface PhaseTime {
  readonly phase: string;
  readonly seconds: number;
}

/** Work on a file or folder; `begin` is awaited before each phase, so that an observer knows it has begun. */
export type ObservedWork = (subject: string, begin: (phase: string) => Promise<void>) => Promise<PhaseTime[]>;

/** What one phase took, as seen from inside (time) and from outside (memory). */
export interface PhaseFigures extends PhaseTime {
  readonly memory: ProcessMemory;
}

/** What was seen of the process. */
export interface Observation {
  readonly phases: readonly PhaseFigures[];
  /** Read from the disk, not found in the page cache, over all phases. */
  readonly diskBytes: number;
}

/** Between the two processes: "begin" is answered with an empty message, so that memory counts for its phase. */
type Message =
  | { readonly type: "begin"; readonly phase: string }
  | { readonly type: "done"; readonly times: readonly PhaseTime[] };

/** Runs {@link answerObserver} in a process of its own and watches it. Throws when it fails. */
export async function observeWork(module: string, args: readonly string[]): Promise<Observation> {
  const child = fork(module, args, { execArgv: [] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`Cannot start ${module}: it has no process id`);
  const watch = watchMemory(pid, "start");
  const exited = once(child, "exit");
  const result = new Promise<{ times: readonly PhaseTime[]; diskBytes: number }>((resolve, reject) => {
    void exited.then(([code, signal]) =>
      reject(new Error(`Cannot measure ${args.join(" ")}: ${signal ?? code}`)),
    );
    child.on("message", (message: Message) => {
      if (message.type === "begin") watch.begin(message.phase);
      else resolve({ times: message.times, diskBytes: readDiskBytes(pid) });
      child.send({});
    });
  });
  try {
    const { times, diskBytes } = await result;
    const peaks = new Map(watch.stop().map(({ phase, memory }) => [phase, memory]));
    await exited;
    return { phases: times.map((time) => ({ ...time, memory: peakOf(peaks, time.phase) })), diskBytes };
  } finally {
    watch.stop();
    endProcess(child);
  }
}

/** The other side: does the work and tells the parent process. */
export async function answerObserver(subject: string, work: ObservedWork): Promise<void> {
  const tell = async (message: Message): Promise<void> => {
    process.send?.(message);
    await once(process, "message");
  };
  const times = await work(subject, (phase) => tell({ type: "begin", phase }));
  await tell({ type: "done", times });
  process.disconnect();
}

function peakOf(peaks: ReadonlyMap<string, ProcessMemory>, phase: string): ProcessMemory {
  const peak = peaks.get(phase);
  if (peak === undefined) throw new Error(`Cannot tell the memory of phase ${phase}: it was never seen`);
  return peak;
}

function endProcess(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
}
