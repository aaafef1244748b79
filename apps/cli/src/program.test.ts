import { Writable } from "node:stream";
import { CommanderError } from "commander";
import { describe, expect, test } from "vitest";
import { readEnvironment } from "./config/env.js";
import { exitCodeOf } from "./failure.js";
import { createProgram } from "./program.js";
import { SUITES } from "./suites/suites.js";

/** Runs the command line in this process, as far as it goes without starting anything. */
async function call(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    progress: new Writable(),
    interactive: false,
  };
  const environment = readEnvironment({ PATH: "/bin" });
  const program = createProgram({ terminal, environment, cwd: "/tmp" });
  try {
    await program.parseAsync(["node", "farm", ...args]);
    return { exit: 0, out, err };
  } catch (error) {
    const isCommander = error instanceof CommanderError;
    if (!isCommander) err.push(String(error));
    return { exit: isCommander ? (error.exitCode === 0 ? 0 : 2) : exitCodeOf(error), out, err };
  }
}

describe("createProgram()", () => {
  test.each([
    [["render"], "PROMPT is missing"],
    [["render", "--like", "nowhere.png"], "Cannot read nowhere.png as a picture: it is no file"],
    [["inspect", "/"], "it is no file"],
    [["inspect"], "missing required argument"],
    [["render", "a", "--steps", "x"], "must be a whole number"],
    [["render", "a", "--steps", "0"], "steps"],
    [["render", "a", "--size", "100"], "WIDTHxHEIGHT"],
    [["render", "a", "--size", "100x100"], "width, height"],
    [["render", "a", "--seed", "-1"], "seed"],
    [["render", "a", "--seed", "18446744073709551616"], "seed"],
    [["render", "a", "-n", "0"], "num_images"],
    [["render", "a", "--guidance", "1e3"], "must be a number"],
    [["render", "a", "--format", "gif"], "choices"],
    [["render", "a", "-o", "/nowhere/a.png"], "does not exist"],
    [["render", "a", "--url", "gateway"], "--url is gateway"],
    [["render", "a", "--url", "localhost:8080"], "must be an http:// or https:// URL"],
    [["render", "a", "--url", "ftp://x"], "must be an http:// or https:// URL"],
    [["render", "a", "--data", "/proc/x"], "Cannot keep data in /proc/x"],
    [["up", "--data", "/proc/x/y"], "Cannot keep data in /proc/x/y"],
    [["render", "a", "--image", "nowhere.png"], "--image is /tmp/nowhere.png"],
    [["render", "a", "--image", "/"], "no file"],
    [["render", "a", "--strength", "0"], "strength"],
    [["render", "a", "--skip-layers", "7,x"], "must be a whole number"],
    [["render", "a", "--skip-layers", "38"], "skip_layer_guidance.layers.0"],
    [["render", "a", "--skip-layer-scale", "11"], "skip_layer_guidance.scale"],
    [["render", ""], "prompt"],
    [["render", "a", "b"], "too many arguments"],
    [["up", "--port", "65536"], "--port is 65536"],
    [["up", "--model", "/nowhere"], "/nowhere is no folder"],
    [["up", "--workers", "0"], "--workers is 0"],
    [["bench", "nothing"], "Cannot run benchmark nothing"],
    [["test", "nothing"], `known are ${SUITES.map(({ name }) => name).join(", ")}`],
    [["models", "synth", "sdxl", "/tmp/x"], "sd3.5-large"],
    [["nothing"], "unknown command"],
    [["render", "a", "--nothing"], "unknown option"],
  ])("createProgram() refuses %j with exit status 2", async (args, message) => {
    const { exit, out, err } = await call(...args);
    expect(err.join("\n")).toContain(message);
    expect({ exit, out }).toEqual({ exit: 2, out: [] });
  });

  test("createProgram() prints help and version on standard output", async () => {
    expect((await call("--version")).out).toEqual(["0.1.0"]);
    expect((await call("render", "--help")).out.join("\n")).toContain("--seed <n>");
    expect((await call("up", "--help")).out.join("\n")).toMatch(/FARM_REDIS_URL +The Redis that holds/);
  });
});

describe("readEnvironment()", () => {
  test("readEnvironment() refuses unknown names and bad values, all at once", () => {
    expect(() => readEnvironment({ FARM_PROT: "1", FARM_PORT: "x" })).toThrow(/FARM_PROT.*FARM_PORT/);
  });

  test("readEnvironment() keeps FARM_ names from child processes, apart from those it passes on", () => {
    const environment = readEnvironment({ PATH: "/bin", FARM_PORT: "1", FARM_ENGINE_THREADS: "2" });
    expect(environment.inherited).toEqual({ PATH: "/bin" });
    expect(environment.passedOn).toEqual({ FARM_ENGINE_THREADS: "2" });
  });

  test("readEnvironment() passes the collector of traces on to the processes that it starts", () => {
    const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", OTEL_TRACES_SAMPLER: "always_on" };
    const environment = readEnvironment({ ...traces, FARM_WEBHOOK_TRACEPARENT: "1" });
    expect(environment.inherited).toEqual(traces);
    expect(environment.passedOn).toEqual({ FARM_WEBHOOK_TRACEPARENT: "1" });
  });

  test("readEnvironment() keeps data with the repository unless FARM_DATA is set", () => {
    expect(readEnvironment({}).dataDir).toMatch(/\/\.farm$/);
    expect(readEnvironment({ FARM_DATA: "elsewhere" }).dataDir).toBe("elsewhere");
  });
});
