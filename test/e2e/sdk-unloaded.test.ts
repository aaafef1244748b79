import { spawnSync } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { REPOSITORY_ROOT } from "../harness/index.js";

/** The modules of OpenTelemetry's SDK that a process has loaded once its tracing is made. */
function sdkModules(isOn: boolean): number {
  const built = pathToFileURL(path.join(REPOSITORY_ROOT, "packages/telemetry/dist/index.js")).href;
  const program = `
    const { createTracing } = await import(${JSON.stringify(built)});
    await createTracing({ isOn: ${isOn}, process: "worker", instance: "w" });
    const { default: module } = await import("node:module");
    const loaded = Object.keys(module._cache);
    console.log(loaded.filter((file) => /@opentelemetry.(sdk|exporter|otlp|resources|context)/.test(file)).length);
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    env: { PATH: process.env.PATH ?? "" },
  });
  if (!/^\d+$/.test(stdout.trim())) throw new Error(`the process ended without a count: ${stderr}`);
  return Number(stdout);
}

describe("createTracing()", () => {
  it("loads nothing of OpenTelemetry's SDK while traces are off", () => {
    expect(sdkModules(false)).toBe(0);
    expect(sdkModules(true)).toBeGreaterThan(0);
  });
});
