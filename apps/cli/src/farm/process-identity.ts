import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** One life of one process: a pid alone is given to another process later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the process started, in the words of this operating system. */
  readonly started: string;
}

/** `/proc/PID/stat` after the command name: the state is field 3, the start in clock ticks since boot is field 22. */
const STATE_FIELD = 3;
const START_FIELD = 22;
/** A dead process that its parent has not yet asked about. */
const ZOMBIE = "Z";

/** The identity of a running process, or undefined when there is none. Source: proc(5). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const started = process.platform === "linux" ? startedByProc(pid) : startedByPs(pid);
  return started === undefined || started === "" ? undefined : { pid, started };
}

/** True when the very process that was identified still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.started === identity.started;
}

function startedByProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name stands in brackets and may hold spaces and brackets itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === ZOMBIE ? undefined : fields[START_FIELD - STATE_FIELD];
  } catch {
    return undefined;
  }
}

function startedByPs(pid: number): string | undefined {
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}
