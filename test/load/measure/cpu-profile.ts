/** What V8's profiler writes (`node --cpu-prof`); the fields that are read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

/** How long something ran itself, without what it called. */
export interface SelfTime {
  readonly name: string;
  /** Of the time in which the process did anything at all. */
  readonly share: number;
}

/** Where a process's time went. */
export interface ProfileSummary {
  readonly busyMs: number;
  readonly functions: readonly SelfTime[];
  /** The same by package, or by part of Node. */
  readonly packages: readonly SelfTime[];
}

/** Entries of each list: below these nothing is worth a change. */
const ENTRIES_MAX = 25;

/** What V8 calls the time in which the process waited. */
const IDLE = "(idle)";

const MICROSECONDS_PER_MS = 1_000;

/** Sums a profile up, by function and by package. */
export function summarizeProfile({ nodes, samples, timeDeltas }: CpuProfile): ProfileSummary {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, number>();
  const packages = new Map<string, number>();
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id);
    const time = timeDeltas[index] ?? 0;
    if (frame === undefined || frame.functionName === IDLE) continue;
    busy += time;
    const owner = ownerOf(frame.url);
    const place = frame.url === "" ? "" : ` ${fileOf(frame.url)}:${frame.lineNumber + 1}`;
    add(functions, `${frame.functionName || "(anonymous)"} [${owner}]${place}`, time);
    add(packages, frame.url === "" && frame.functionName.startsWith("(") ? frame.functionName : owner, time);
  }
  return {
    busyMs: busy / MICROSECONDS_PER_MS,
    functions: largest(functions, busy),
    packages: largest(packages, busy),
  };
}

/** The package of a module's address, `node` for Node's own, `native` for what has none. */
function ownerOf(url: string): string {
  if (url === "") return "native";
  if (url.startsWith("node:")) return "node";
  const module = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return module ?? /\/(?:apps|packages)\/([^/]+)\//.exec(url)?.[1] ?? "unknown";
}

function fileOf(url: string): string {
  return url.split("/").slice(-2).join("/");
}

function add(times: Map<string, number>, name: string, time: number): void {
  times.set(name, (times.get(name) ?? 0) + time);
}

function largest(times: ReadonlyMap<string, number>, busy: number): SelfTime[] {
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, ENTRIES_MAX)
    .map(([name, time]) => ({ name, share: time / busy }));
}
