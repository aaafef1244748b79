import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { REPOSITORY_ROOT } from "../../harness/index.js";
import { DEMO_MODEL } from "../engine/frame.js";
import { type ProcessMemory, watchMemory } from "../measure/process-memory.js";
import { formatTable, megabytes } from "../measure/report.js";
import { observeWork, type PhaseFigures } from "./observed-process.js";

/** What the project allows a process to hold besides the mapped file: Large must fit a machine of 16 GB. */
export const PRIVATE_BYTES_MAX = 2e9;

/** The demo model's serve: its token ids are small, and the costs are those of the padded length. */
const TOKENIZER_FOLDERS: readonly string[] = ["tokenizer", "tokenizer_2", "tokenizer_3"];

/** 128 + SIGINT, as shells count it. */
const EXIT_INTERRUPTED = 130;

/** The figures of one architecture. */
export interface ResidencyFigures {
  readonly architecture: string;
  /** Whether the whole model was resident and drew a picture. */
  readonly full: boolean;
  readonly fileBytes: number;
  /** Writing the synthetic checkpoint. */
  readonly writer: { readonly seconds: number; readonly memory: ProcessMemory };
  readonly phases: readonly PhaseFigures[];
  readonly diskBytes: number;
  readonly privatePeakBytes: number;
}

/** What is measured and where. */
export interface ResidencyOptions {
  readonly architecture: string;
  /** Text encoders as well, and a whole picture. */
  readonly full: boolean;
  /** Folder for the synthetic model, made and removed; the system's temporary folder when absent. */
  readonly dir: string | undefined;
  /** The module that measures when started with `--measure FILE`. */
  readonly self: string;
}

/** Writes a synthetic checkpoint, loads and runs it in a process of its own, and removes it. */
export async function measureResidency(options: ResidencyOptions): Promise<ResidencyFigures> {
  const { architecture, full, self } = options;
  const parent = options.dir ?? tmpdir();
  await mkdir(parent, { recursive: true });
  const dir = await mkdtemp(path.join(parent, "latentfarm-residency-"));
  // Ctrl-C and a crash must not leave gigabytes behind; "exit" comes in either case.
  const remove = () => rmSync(dir, { recursive: true, force: true });
  const interrupt = () => process.exit(EXIT_INTERRUPTED);
  process.once("exit", remove).once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    const writer = await writeModel(options, dir);
    const files = await listWeights(dir);
    for (const { file } of files) dropFromPageCache(file);
    const subject = full ? dir : path.join(dir, "checkpoints", `${architecture}.safetensors`);
    const { phases, diskBytes } = await observeWork(self, [
      "--measure",
      subject,
      ...(full ? ["--full"] : []),
    ]);
    return {
      architecture,
      full,
      fileBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      writer,
      phases,
      diskBytes,
      privatePeakBytes: Math.max(...phases.map(({ memory }) => memory.privateBytes)),
    };
  } finally {
    remove();
    process.off("exit", remove).off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

/** The figures as tables for people. */
export function formatResidency(figures: ResidencyFigures): string {
  const { architecture, full, fileBytes, writer, phases, diskBytes, privatePeakBytes } = figures;
  const rows = phases.map(({ phase, seconds, memory }) => [
    phase,
    seconds.toFixed(2),
    megabytes(memory.privateBytes),
    megabytes(memory.mappedBytes),
    megabytes(memory.residentPeakBytes),
  ]);
  const verdict = privatePeakBytes > PRIVATE_BYTES_MAX ? "too much" : "within it";
  const loadSeconds = phases
    .filter(({ phase }) => /^(header|open)/.test(phase))
    .reduce((sum, { seconds }) => sum + seconds, 0);
  return [
    `Synthetic ${architecture}${full ? " with CLIP-L, CLIP-G and T5-XXL" : ""}: ${megabytes(fileBytes)}, scaled FP8, written in ${writer.seconds.toFixed(1)} s by a process of at`,
    `most ${megabytes(writer.memory.residentPeakBytes)}. Loaded in ${loadSeconds.toFixed(2)} s, then ${full ? "a whole picture of 256x256 in 2 steps with guidance" : "single steps of 256x256 with 154 tokens"}.`,
    `Private memory is at most ${megabytes(privatePeakBytes)} of the ${megabytes(PRIVATE_BYTES_MAX)} allowed: ${verdict}. The weights were not in the page`,
    `cache at the start; ${megabytes(diskBytes)} were read from the disk.`,
    "",
    formatTable(["phase", "seconds", "private peak", "mapped peak", "resident peak so far"], rows),
    "",
    "Private: RssAnon, the largest of readings every 20 ms. Mapped: RssFile, pages of the checkpoint that the kernel",
    "may drop at need. Resident: VmHWM, kept by the kernel.",
  ].join("\n");
}

async function writeModel(
  { architecture, full }: ResidencyOptions,
  dir: string,
): Promise<ResidencyFigures["writer"]> {
  const startedAt = performance.now();
  const cli = path.join(REPOSITORY_ROOT, "apps", "cli", "dist", "main.js");
  const args = ["models", "synth", architecture, dir, ...(full ? ["--text-encoders"] : [])];
  const child = spawn(process.execPath, [cli, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const watch = watchMemory(child.pid ?? 0, "write");
  const [code] = await once(child, "exit");
  const [peak] = watch.stop();
  if (code !== 0 || peak === undefined) throw new Error(`Cannot write ${architecture}: exit code is ${code}`);
  for (const name of full ? TOKENIZER_FOLDERS : []) {
    await cp(path.join(REPOSITORY_ROOT, DEMO_MODEL, name), path.join(dir, name), { recursive: true });
  }
  return { seconds: (performance.now() - startedAt) / 1000, memory: peak.memory };
}

/** The checkpoint and the text encoders. */
async function listWeights(dir: string): Promise<{ readonly file: string; readonly bytes: number }[]> {
  const names = (await readdir(dir, { recursive: true })).filter((name) => name.endsWith(".safetensors"));
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(dir, name);
      return { file, bytes: (await stat(file)).size };
    }),
  );
}

/** Makes the first step read from the disk, as after a start of the machine. Source: GNU coreutils, `dd`, nocache. */
function dropFromPageCache(file: string): void {
  spawnSync("dd", [`of=${file}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0"], { stdio: "ignore" });
}
