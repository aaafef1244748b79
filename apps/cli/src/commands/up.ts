import { once } from "node:events";
import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { FARM_ENV_HELP, FarmError, invariant } from "@latentfarm/contract";
import { Command } from "commander";
import pc from "picocolors";
import type { CommandContext } from "../context.js";
import { usageError } from "../failure.js";
import { prepareDataDir } from "../farm/data-dir.js";
import { lockData } from "../farm/data-lock.js";
import { type LocalFarm, startFarm } from "../farm/farm.js";
import { resolveModelDir } from "../farm/model-dir.js";
import { observeFarm } from "../farm/observe-farm.js";
import { identifyProcess } from "../farm/process-identity.js";
import { farmNotePath } from "../farm/running-farm.js";
import { writeNote } from "../farm/state-file.js";
import { requirePort } from "../farm/tcp-port.js";
import { onInterrupt } from "../interrupt.js";
import { describeKeyless } from "../keys/describe-keyless.js";
import { parseWhole } from "./parse-option.js";

interface UpOptions {
  readonly port?: number;
  readonly host?: string;
  readonly workers: number;
  readonly data?: string;
  readonly model?: string;
  readonly webhookLoopback?: true;
  readonly observe?: true;
}

/** Workers on one machine: each holds a whole model, and one engine already uses every core. */
const WORKERS_MAX = 64;
const PORT_MAX = 65_535;

/** `farm up`: the whole farm on this machine, until Ctrl-C. */
export function upCommand(context: CommandContext): Command {
  return new Command("up")
    .description("run Redis, gateway, courier and workers on this machine until Ctrl-C")
    .option("--port <n>", "the gateway's port; 0 takes any free one (default 8080, or FARM_PORT)", parseWhole)
    .option("--host <address>", "the address to listen on (default 127.0.0.1, or FARM_HOST)")
    .option("--workers <n>", "worker processes", parseWhole, 1)
    .option("--data <dir>", "the folder of results and state (default .farm, or FARM_DATA)")
    .option("--model <dir>", "model folder; the demo model when absent (or FARM_MODEL)")
    .option(
      "--webhook-loopback",
      "let webhooks go to this machine, by http and to any port (or FARM_WEBHOOK_LOOPBACK=1)",
    )
    .option("--observe", "run Prometheus beside the farm, where it is installed")
    .addHelpText("after", `\nEnvironment:\n${environmentHelp()}`)
    .action((options: UpOptions) => up(context, options));
}

/** Every `FARM_` name, those that only gateway, courier and workers read as well: they are passed on. */
function environmentHelp(): string {
  const width = Math.max(...Object.keys(FARM_ENV_HELP).map((name) => name.length));
  const lines = Object.entries(FARM_ENV_HELP).map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
  return lines.join("\n");
}

async function up(context: CommandContext, options: UpOptions): Promise<void> {
  const { environment, terminal, cwd } = context;
  const port = options.port ?? environment.farm.FARM_PORT;
  const host = options.host ?? environment.farm.FARM_HOST;
  if (port < 0 || port > PORT_MAX)
    throw usageError(`Cannot listen: --port is ${port}, allowed are 0..${PORT_MAX}`);
  if (options.workers < 1 || options.workers > WORKERS_MAX) {
    throw usageError(`Cannot start workers: --workers is ${options.workers}, allowed are 1..${WORKERS_MAX}`);
  }
  const modelDir = resolveModelDir(cwd, options.model ?? environment.farm.FARM_MODEL);
  const dataDir = resolve(cwd, options.data ?? environment.dataDir);
  prepareDataDir(dataDir);
  const release = lockData(dataDir);
  try {
    await requirePort(host, port);
    const stop = new AbortController();
    using interrupt = onInterrupt(() => stop.abort());
    const farm = await startFarm({
      environment,
      dataDir,
      stateDir: dataDir,
      host,
      port,
      workers: options.workers,
      modelDir,
      webhookLoopback: options.webhookLoopback === true,
      metrics: true,
      signal: stop.signal,
      log: (line) => terminal.err(`${new Date().toISOString()} ${line}`),
    });
    interrupt.onSecond(farm.kill);
    const observe = options.observe === true;
    await serve(context, farm, { dataDir, workers: options.workers, observe, stop: stop.signal });
  } catch (error) {
    // Ctrl-C while it starts is an ordered end, as it is later.
    if (!(error instanceof FarmError && error.code === "canceled")) throw error;
  } finally {
    release();
  }
}

/** What `serve()` is told of the farm that it serves. */
interface ServeOptions {
  readonly dataDir: string;
  readonly workers: number;
  readonly observe: boolean;
  readonly stop: AbortSignal;
}

async function serve(context: CommandContext, farm: LocalFarm, options: ServeOptions): Promise<void> {
  const { terminal, environment } = context;
  const own = identifyProcess(process.pid);
  invariant(own, "this process runs");
  const notePath = farmNotePath(options.dataDir);
  writeNote(notePath, { ...own, url: farm.url, redisUrl: farm.redisUrl });
  const crew = options.workers === 1 ? "1 worker" : `${options.workers} workers`;
  terminal.out(`${pc.bold(farm.url)} is ready: ${crew}, data in ${options.dataDir}, Ctrl-C stops it`);
  const keyless = await describeKeyless(farm);
  if (keyless !== undefined) terminal.err(keyless);
  terminal.err(
    `metrics: ${farm.targets.map(({ name, address }) => `${name} http://${address}/metrics`).join(", ")}`,
  );
  await using observer = options.observe
    ? await observeFarm({
        environment,
        farm,
        stateDir: options.dataDir,
        signal: options.stop,
        log: terminal.err,
      })
    : undefined;
  if (observer !== undefined) terminal.err(observer.line);
  if (!options.stop.aborted) await once(options.stop, "abort");
  // From here on new calls start their own farm instead of meeting one that goes away.
  rmSync(notePath, { force: true });
  terminal.err("stopping: pictures in progress are finished or given back (Ctrl-C again stops at once)");
  await farm.drain();
}
