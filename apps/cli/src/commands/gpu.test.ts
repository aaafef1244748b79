import { Writable } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { readEnvironment } from "../config/env.js";
import { createProgram } from "../program.js";

/** A machine whose nvidia-smi is nowhere to be found has no GPU, whatever it has. */
const NO_PROGRAMS = { PATH: "/nowhere", CUDA_VISIBLE_DEVICES: "" };

async function callCheck(...args: string[]): Promise<string[]> {
  const out: string[] = [];
  const terminal = {
    out: (line: string) => void out.push(line),
    err: () => undefined,
    progress: new Writable(),
    interactive: false,
  };
  const program = createProgram({ terminal, environment: readEnvironment(NO_PROGRAMS), cwd: "/tmp" });
  await program.parseAsync(["node", "farm", "gpu", "check", ...args]);
  return out;
}

describe("farm gpu check", () => {
  afterEach(() => {
    process.exitCode = undefined;
  });

  test("prints a line for each check and exits with 3 where there is no GPU", {
    timeout: 30_000,
  }, async () => {
    const out = await callCheck();
    expect(process.exitCode).toBe(3);
    expect(out[0]).toMatch(/^skip {2}device: no GPU/);
    expect(out.some((line) => /^pass {2}arithmetic: .*mmdit_difference 0\.00/s.test(line))).toBe(true);
    expect(out.at(-1)).toMatch(/^no GPU on this machine/);
  });

  test("prints the report as one line of JSON", { timeout: 30_000 }, async () => {
    const out = await callCheck("--json");
    expect(out).toHaveLength(1);
    expect(JSON.parse(out[0] ?? "")).toMatchObject({ verdict: "no_gpu", device: { kind: "cpu" } });
  });
});
