import { spawn, spawnSync } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { REPOSITORY_ROOT } from "../harness/index.js";

/** Longest step: a whole build without any cache on two busy cores, with a slow registry. */
const STEP_MS_MAX = 600_000;
/** Megabytes of storage that are kept for the next run's cache: builds of a dozen changed trees. */
const STORAGE_MB_MAX = 12_000;
/** Characters of a failed program's output that its error shows. */
const OUTPUT_CHARS_SHOWN = 4_000;

/** Where images are built and their containers are made, apart from what the machine itself may hold of both. */
export interface Workshop {
  /** Everything of it lies here, below a folder that git ignores. */
  readonly folder: string;
  /** Runs Buildah and gives what it wrote to its output. Throws with the end of its output when it fails. */
  buildah(...args: readonly string[]): Promise<string>;
}

/** Opens the workshop: what a run before has built is kept as cache, its containers are not. */
export async function openWorkshop(): Promise<Workshop> {
  const folder = path.join(REPOSITORY_ROOT, ".farm/images");
  mkdirSync(folder, { recursive: true });
  const flags = storageFlags(folder);
  const workshop: Workshop = {
    folder,
    buildah: (...args) => runProgram("buildah", [...flags, ...args], path.join(folder, "buildah.log")),
  };
  endContainers(folder);
  await workshop.buildah("rm", "--all");
  if (megabytesOf(folder) > STORAGE_MB_MAX) rmSync(path.join(folder, "storage"), { recursive: true });
  return workshop;
}

/** Where runc keeps what it knows of its containers. */
export function runcFlags(folder: string): readonly string[] {
  return ["--root", path.join(folder, "runc")];
}

/** Ends what a run that was killed has left running. */
function endContainers(folder: string): void {
  const { stdout } = spawnSync("runc", [...runcFlags(folder), "list", "--quiet"], { encoding: "utf8" });
  for (const name of stdout.split("\n").filter((line) => line !== "")) {
    spawnSync("runc", [...runcFlags(folder), "delete", "--force", name]);
  }
}

/** The driver that stacks layers where the kernel has it, or the one that copies each: slow, and works everywhere. */
function storageFlags(folder: string): readonly string[] {
  const places = ["--root", path.join(folder, "storage"), "--runroot", path.join(folder, "run")];
  const [overlay, copies] = ["overlay", "vfs"].map((driver) => [...places, "--storage-driver", driver]);
  const works = spawnSync("buildah", [...(overlay ?? []), "info"]).status === 0;
  return (works ? overlay : copies) ?? places;
}

function megabytesOf(folder: string): number {
  return Number.parseInt(spawnSync("du", ["-smx", folder], { encoding: "utf8" }).stdout, 10);
}

/** Runs a program to its end; its output goes to a log file too. */
export function runProgram(program: string, args: readonly string[], logFile: string): Promise<string> {
  const log = createWriteStream(logFile, { flags: "a" });
  const child = spawn(program, args, { cwd: REPOSITORY_ROOT, stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), STEP_MS_MAX);
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    log.write(text);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
    log.write(text);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      clearTimeout(timer);
      log.end();
      if (status === 0) resolve(output);
      else {
        const shown = `${output}${errors}`.slice(-OUTPUT_CHARS_SHOWN);
        reject(new Error(`${program} ${args.join(" ")} ended with ${status}:\n${shown}`));
      }
    });
  });
}

/** What a file holds, or nothing where there is none. */
export function readIfPresent(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
