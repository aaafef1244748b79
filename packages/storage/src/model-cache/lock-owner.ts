import { readFile, readlink } from "node:fs/promises";

/** The first character of a claim's text that names a process which others of its machine can look for. */
const KNOWN = "proc:";

/**
 * Names this process so that another one of the same machine and the same process namespace can tell whether it still
 * runs: boot, namespace, process id and the time of its start, since ids are used again. Elsewhere it names nothing.
 */
export async function describeOwner(): Promise<string> {
  const [place, started] = await Promise.all([readPlace(), readStart(process.pid)]);
  if (place === undefined || started === undefined) return `pid:${process.pid}`;
  return `${KNOWN}${place}:${process.pid}:${started}`;
}

/** True when the owner is known to have ended; false when it runs, or when this process cannot tell. */
export async function isOwnerGone(owner: string): Promise<boolean> {
  const [, place, pid, started] = /^proc:([^:\s]+):(\d{1,10}):(\d{1,20})$/.exec(owner) ?? [];
  if (place === undefined || pid === undefined || place !== (await readPlace())) return false;
  return (await readStart(Number(pid))) !== started;
}

/** This boot and this namespace of process ids; undefined where the system does not tell. */
async function readPlace(): Promise<string | undefined> {
  try {
    const [boot, namespace] = await Promise.all([
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      readlink("/proc/self/ns/pid"),
    ]);
    return `${boot.trim()}/${namespace.replaceAll(/[^0-9]/g, "")}`;
  } catch {
    return undefined;
  }
}

/** When a process was started, in ticks since the boot; undefined for one that does not run. Source: proc_pid_stat(5), field 22. */
async function readStart(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; whoever should have reaped it has not.
    return state === "Z" ? undefined : fields[START_FIELD];
  } catch {
    return undefined;
  }
}

/** Field 22 counted from the one behind the state, which is the third. */
const START_FIELD = 22 - 4;
