import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { REPOSITORY_ROOT } from "../../harness/index.js";
import { formatTable } from "../measure/report.js";
import { type Summary, summarize } from "../measure/summary.js";
import { benchFrame } from "./frame.js";

/** Each takes some 8 s on two cores. */
const REPEATS = 5;

/** Seconds of one `./farm render`, from the call on. */
interface Call {
  /** Until the command line says that it starts a farm: shell, Node, loading the program. */
  readonly program: number | undefined;
  /** Until the picture lies on the disk. */
  readonly picture: number;
  /** Until the call has returned, the farm drained if it was the call's own. */
  readonly end: number;
}

/** The kinds of calls; seconds. */
export interface ColdStartFigures {
  readonly kinds: readonly {
    readonly kind: string;
    readonly programSeconds: Summary | null;
    readonly pictureSeconds: Summary;
    readonly endSeconds: Summary;
  }[];
}

/** Times `./farm render` on a new data folder, again on the same one, and on a farm that runs. */
export async function measureColdStart(farmUrl: string): Promise<ColdStartFigures> {
  const scratch = await mkdtemp(path.join(tmpdir(), "latentfarm-bench-"));
  try {
    const output = ["--output", path.join(scratch, "picture.png")];
    await callFarm(["render", "warm up", "--url", farmUrl, ...output]); // Builds what has changed.
    const kinds = new Map<string, Call[]>();
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const own = ["--data", path.join(scratch, `data-${repeat}`)];
      const calls = [
        ["new data folder, farm of its own", own],
        ["same data folder, farm of its own", own],
        ["farm that runs", ["--url", farmUrl]],
      ] as const;
      for (const [kind, target] of calls) {
        const call = await callFarm(["render", benchFrame().prompt, "--seed", "7", ...output, ...target]);
        kinds.set(kind, [...(kinds.get(kind) ?? []), call]);
      }
    }
    return { kinds: [...kinds].map(([kind, calls]) => summarizeCalls(kind, calls)) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The figures as a table for people. */
export function formatColdStart({ kinds }: ColdStartFigures): string {
  const seconds = (summary: Summary | null) => summary?.median.toFixed(2) ?? "";
  return formatTable(
    ["./farm render", "s to program loaded", "s to picture", "deciles", "s to return"],
    kinds.map(({ kind, programSeconds, pictureSeconds, endSeconds }) => [
      kind,
      seconds(programSeconds),
      seconds(pictureSeconds),
      `${pictureSeconds.low.toFixed(2)} to ${pictureSeconds.high.toFixed(2)}`,
      seconds(endSeconds),
    ]),
  );
}

function summarizeCalls(kind: string, calls: readonly Call[]): ColdStartFigures["kinds"][number] {
  const program = calls.flatMap((call) => call.program ?? []);
  return {
    kind,
    programSeconds: program.length === 0 ? null : summarize(program),
    pictureSeconds: summarize(calls.map(({ picture }) => picture)),
    endSeconds: summarize(calls.map(({ end }) => end)),
  };
}

/** Calls `./farm` as a person does, without this process's FARM_ settings. Throws when it fails. */
async function callFarm(args: readonly string[]): Promise<Call> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("FARM_")));
  const startedAt = performance.now();
  const now = () => (performance.now() - startedAt) / 1000;
  const child = spawn(path.join(REPOSITORY_ROOT, "farm"), [...args, "--json"], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let program: number | undefined;
  let picture: number | undefined;
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
    if (errors.includes("starting a farm")) program ??= now();
  });
  child.stdout.on("data", () => {
    picture ??= now();
  });
  const [code] = await once(child, "close");
  if (code !== 0 || picture === undefined) {
    throw new Error(`Cannot time ./farm ${args[0]}: exit code is ${code}: ${errors.trim()}`);
  }
  return { program, picture, end: now() };
}
