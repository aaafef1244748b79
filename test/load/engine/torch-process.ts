import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { InputTensor } from "@latentfarm/engine";
import { REPOSITORY_ROOT } from "../../harness/index.js";

/** `test/load/torch_step.py` at work; see there for what it answers. */
export interface TorchProcess extends AsyncDisposable {
  /** PyTorch's version. */
  readonly version: string;
  /** Milliseconds of each of `repeats` calls, after one that is not counted. */
  time(call: "step" | "products", rows: number, repeats: number): Promise<number[]>;
  velocity(rows: number): Promise<number[]>;
}

/** What the process works on. */
export interface TorchOptions {
  /** The interpreter; PyTorch must be installed for it. */
  readonly python: string;
  readonly checkpoint: string;
  readonly threads: number;
  /** Inputs of one row, by name. */
  readonly inputs: Readonly<Record<string, InputTensor>>;
}

/** Starts PyTorch; the reason as text where it cannot be had. */
export async function startTorch(options: TorchOptions): Promise<TorchProcess | string> {
  const folder = await mkdtemp(path.join(tmpdir(), "latentfarm-torch-"));
  await writeInputs(folder, options.inputs);
  const script = path.join(REPOSITORY_ROOT, "test", "load", "torch_step.py");
  const child = spawn(options.python, [script, options.checkpoint, String(options.threads)]);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  child.stdin.on("error", () => undefined); // The process is gone, which the missing answer tells.
  const closed = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(errors.trim().split("\n").at(-1) || `exit code is ${code}`));
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown> | string> => {
    const line = await lines.next();
    return line.done === true ? await closed : JSON.parse(line.value);
  };
  const ask = async (request: object, field: string): Promise<number[]> => {
    child.stdin.write(`${JSON.stringify({ ...request, inputs: folder })}\n`);
    const reply = await answer();
    const values = typeof reply === "string" ? reply : reply[field];
    if (!Array.isArray(values)) throw new Error(`Cannot time PyTorch: ${values}`);
    return values.map(Number);
  };
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await closed;
    await rm(folder, { recursive: true, force: true });
  };
  const greeting = await answer();
  if (typeof greeting === "string") {
    await stop();
    return `${options.python}: ${greeting}`;
  }
  return {
    version: String(greeting.torch),
    time: (call, rows, repeats) => ask({ do: call, rows, repeats }, "ms"),
    velocity: (rows) => ask({ do: "velocity", rows }, "velocity"),
    [Symbol.asyncDispose]: stop,
  };
}

async function writeInputs(folder: string, inputs: TorchOptions["inputs"]): Promise<void> {
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, { dims }]) => [name, dims.slice(1)]));
  await writeFile(path.join(folder, "shapes.json"), JSON.stringify(shapes));
  for (const [name, { data }] of Object.entries(inputs)) {
    await writeFile(path.join(folder, `${name}.f32`), new Uint8Array(data.buffer));
  }
}
