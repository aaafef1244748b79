import { readdirSync, readFileSync } from "node:fs";

/** Linux counts processor time in ticks of 1/100 s for user space (USER_HZ), whatever the kernel's own rate. */
const MS_PER_TICK = 10;

/** Places of utime and stime behind the command's name. Source: proc_pid_stat(5), fields 14 and 15. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/** Milliseconds of processor time that a process has used, all its threads together; 0 when it is gone. */
export function readProcessorMs(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // A command may hold spaces and brackets: the fields are counted from the last bracket.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) * MS_PER_TICK;
  } catch {
    return 0;
  }
}

const NS_PER_MS = 1e6;

/**
 * The same to the nanosecond, of the threads that live: for a process that keeps its threads. Source: Linux,
 * `Documentation/scheduler/sched-stats.rst`, `/proc/PID/schedstat`.
 */
export function readThreadsMs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).reduce((sum, task) => sum + ranNs(`${tasks}/${task}/schedstat`) / NS_PER_MS, 0);
}

/** A thread may end between being listed and being read. */
function ranNs(file: string): number {
  try {
    return Number(readFileSync(file, "utf8").split(" ")[0]);
  } catch {
    return 0;
  }
}

/** Milliseconds that all cores of this machine have worked, for whomever. Source: proc_stat(5), line "cpu". */
export function readMachineBusyMs(): number {
  const line = /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = line.split(" ").map(Number);
  return (user + nice + system + irq + softIrq) * MS_PER_TICK;
}
