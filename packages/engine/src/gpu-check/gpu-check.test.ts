import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { readNeededLibraries } from "./needed-libraries.js";
import { runGpuCheck } from "./run-gpu-check.js";

const DEMO_MODEL = fileURLToPath(new URL("../../../demo-model/model/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "latentfarm-elf-"));
afterAll(() => rmSync(folder, { recursive: true }));

function checkWith(nvidiaSmi: string | undefined) {
  const run = async (command: string) => (command === "nvidia-smi" ? nvidiaSmi : undefined);
  return runGpuCheck({ modelDir: DEMO_MODEL, environment: {}, run });
}

describe("runGpuCheck()", () => {
  it("checks what needs no GPU and says that there is none", { timeout: 30_000 }, async () => {
    const report = await checkWith(undefined);
    const status = Object.fromEntries(report.checks.map((check) => [check.name, check.status]));
    expect(report).toMatchObject({ verdict: "no_gpu", device: { kind: "cpu" } });
    expect(status).toMatchObject({
      device: "skip",
      graphs: "pass",
      arithmetic: "pass",
      "fused operator": "skip",
      timing: "skip",
    });
    const arithmetic = report.checks.find(({ name }) => name === "arithmetic");
    expect(Object.keys(arithmetic?.figures ?? {}).sort()).toEqual(
      ["mmdit", "vae_decoder", "vae_encoder", "clip_l", "clip_g", "t5xxl"]
        .map((name) => `${name}_difference`)
        .sort(),
    );
  });

  it("fails for a GPU that is too old, with the reason", { timeout: 30_000 }, async () => {
    const report = await checkWith("Tesla T4, 7.5, 15360, 15000, 580.65.06");
    expect(report.verdict).toBe("failed");
    expect(report.checks[0]).toMatchObject({
      status: "fail",
      detail: expect.stringMatching(/Tesla T4.*at least 8\.0 is needed/),
    });
  });
});

describe("readNeededLibraries()", () => {
  it.runIf(process.platform === "linux")("lists what this Node needs", () => {
    expect(readNeededLibraries(process.execPath)).toContain("libc.so.6");
  });

  it("rejects a file of another kind, and one that ends early", () => {
    const path = join(folder, "file.so");
    writeFileSync(path, Buffer.alloc(64));
    expect(() => readNeededLibraries(path)).toThrow(/magic is another/);
    writeFileSync(path, Buffer.from([0x7f, 0x45, 0x4c, 0x46]));
    expect(() => readNeededLibraries(path)).toThrow(/the file ends after 4/);
  });
});
