import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { MARK_FILE } from "@latentfarm/storage/model-cache";
import { afterAll, describe, expect, it } from "vitest";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { readChart } from "./chart-files.js";
import { workloadsOf } from "./manifest.js";
import { CHART, findChartTool, renderChart } from "./render-chart.js";
import { environmentOf } from "./rules/environment.js";
import { digList } from "./tree.js";

/** The command line answers a call that is wrong at once, and one that finds nobody within its few tries. */
const CALL_MS_MAX = 60_000;
/** What the command line ends with when it does not know the call. */
const EXIT_USAGE = 2;
const CLI = path.join(REPOSITORY_ROOT, "apps", "cli", "dist", "main.js");

const folder = mkdtempSync(path.join(tmpdir(), "latentfarm-commands-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Calls the command line where neither Redis nor a bucket answers: a call that it knows gets as far as that. */
function call(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    encoding: "utf8",
    timeout: CALL_MS_MAX,
    env: {
      PATH: process.env.PATH ?? "",
      AWS_ACCESS_KEY_ID: "none",
      AWS_SECRET_ACCESS_KEY: "none",
      ...env,
      FARM_REDIS_URL: "redis://127.0.0.1:1",
      FARM_REDIS_PASSWORD_FILE: "",
      FARM_MODELS_S3_ENDPOINT: "http://127.0.0.1:1",
      FARM_DATA: folder,
    },
  });
  return { status, stderr };
}

/** A container of a release with everything on. */
function containerOf(name: string) {
  const workloads = workloadsOf(renderChart({ files: [path.join(CHART, "ci", "production-values.yaml")] }));
  const found = workloads.flatMap(({ containers }) => containers).find((one) => one.name === name);
  if (found === undefined) throw new Error(`Cannot find the container ${name}: the chart renders none`);
  return found;
}

const textsAt = (container: unknown, field: string) => digList(container, field).map(String);

describe.skipIf(findChartTool("helm") === undefined)("what the chart calls", () => {
  it("fetches models as the command line takes it", () => {
    const container = containerOf("fetch-model");
    const args = textsAt(container.body, "args").map((arg) => arg.replace(/^\/models/, folder));
    expect(args).toContain(path.join(folder, "sd35-large"));
    const { status, stderr } = call(args, environmentOf(container));
    expect(stderr).toContain("Cannot read SHA256SUMS as the store fails");
    expect(status).toBe(1);
  });

  it("lets a worker begin beside a sidecar only with the model of its own source", () => {
    const dir = path.join(folder, "sd35-large");
    const command = digList(containerOf("fetch-model").body, "startupProbe.exec.command").map(String);
    const [program = "", ...args] = command.map((arg) => arg.replace(/^\/models/, folder));
    const begins = () => spawnSync(program, args).status === 0;
    const leave = (url: string) =>
      writeFileSync(path.join(dir, MARK_FILE), JSON.stringify({ url, bytes: 1 }, undefined, 2));
    expect(begins()).toBe(false);
    mkdirSync(dir);
    leave("s3://acme-models/sd35-large-2");
    expect(begins()).toBe(false);
    leave("s3://acme-models/sd35-large");
    expect(begins()).toBe(true);
  });

  it("collects old jobs as the command line takes it", () => {
    const container = containerOf("gc");
    const { status, stderr } = call(textsAt(container.body, "args"), {
      ...environmentOf(container),
      FARM_S3_ENDPOINT: "http://127.0.0.1:1",
    });
    expect(stderr).toMatch(/unavailable|unreachable/);
    expect(status).toBe(1);
  });

  it("tells of a first key in the notes as the command line makes it", () => {
    const told = /main\.js (keys create .+)$/m.exec(readChart("templates", "NOTES.txt"))?.[1] ?? "";
    const { status, stderr } = call(told.split(" "));
    expect(stderr).toContain("redis is unreachable");
    expect(status).toBe(1);
  });

  it("would be found out if it called for what there is not", () => {
    expect(call(["gc", "--older-then=90d"]).status).toBe(EXIT_USAGE);
    expect(call(["models", "pull", "--connections=65", "s3://a-bucket/a", folder]).status).toBe(EXIT_USAGE);
    expect(call(["keys", "create", "--scope", "admin"]).status).toBe(EXIT_USAGE);
  });

  it("has a toolbox that waits, and ends when it is told to", async () => {
    const { body } = containerOf("toolbox");
    const [, ...command] = textsAt(body, "command");
    const toolbox = spawn(process.execPath, [
      ...command,
      `${textsAt(body, "args").join(" ")}; console.log(1)`,
    ]);
    await once(toolbox.stdout, "data");
    expect(toolbox.exitCode).toBeNull();
    toolbox.kill("SIGTERM");
    expect(await once(toolbox, "exit")).toEqual([0, null]);
  });
});
