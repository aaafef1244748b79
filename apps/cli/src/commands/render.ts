import { resolve } from "node:path";
import {
  FarmError,
  OUTPUT_FORMATS,
  type OutputFormat,
  PRIORITIES,
  parseWith,
  submitRequestSchema,
} from "@latentfarm/contract";
import { Command, Option } from "commander";
import pc from "picocolors";
import type { CommandContext } from "../context.js";
import { usageError } from "../failure.js";
import { onInterrupt } from "../interrupt.js";
import { likeBody, likeDifferences, likeModel, likeWarnings, readLike } from "../render/like-picture.js";
import { planOutput } from "../render/output-paths.js";
import { type RenderOutcome, renderJob } from "../render/render-job.js";
import { openTarget } from "../render/render-target.js";
import { type RequestOptions, requestBody } from "../render/request-body.js";
import { parseDecimal, parseSize, parseWhole, parseWholeList } from "./parse-option.js";

interface RenderOptions extends RequestOptions {
  readonly output?: string;
  readonly model?: string;
  readonly format?: OutputFormat;
  readonly data?: string;
  readonly url?: string;
  readonly json?: true;
  /** A file. */
  readonly like?: string;
}

const MS_PER_SECOND = 1_000;

/** `farm render`: the main job, through the gateway like any client's. */
export function renderCommand(context: CommandContext): Command {
  return new Command("render")
    .description("draw a picture, on a running farm or on one started for this call")
    .argument("[prompt]", "what to draw")
    .option("-o, --output <file>", "the file to write, or a folder")
    .option("--seed <n>", "0..18446744073709551615; the same seed draws the same picture")
    .option("--steps <n>", "denoising steps", parseWhole)
    .option("--size <WxH>", "width and height in pixels, multiples of 16", parseSize)
    .option("-n, --count <n>", "pictures, of seed, seed+1 and so on, and a contact sheet", parseWhole, 1)
    .option("--guidance <x>", "guidance scale; 1 is none", parseDecimal)
    .option("--negative <text>", "what not to draw")
    .option("--sampler <name>", "such as euler, dpmpp_2m")
    .option("--scheduler <name>", "such as simple, sgm_uniform, normal")
    .option("--shift <x>", "shift of the sigma schedule", parseDecimal)
    .option("--image <file>", "PNG, JPEG or WebP to start from")
    .option("--strength <x>", "0.01..1: how much of the image is redrawn", parseDecimal)
    .option(
      "--skip-layers <list>",
      "SD3.5 Medium: lead away from a picture without these blocks",
      parseWholeList,
    )
    .option("--skip-layer-scale <x>", "how far to lead away", parseDecimal)
    .option("--skip-layer-start <x>", "0..1: where on the way to begin", parseDecimal)
    .option("--skip-layer-end <x>", "0..1: where to end", parseDecimal)
    .option("--like <file>", "draw this picture again: all that it tells holds, other options go before it")
    .option("--model <dir>", "model folder; the demo model when absent")
    .addOption(new Option("--format <format>", "picture format").choices(OUTPUT_FORMATS))
    .option("--quality <n>", "1..100, for jpeg and webp", parseWhole)
    .addOption(
      new Option("--priority <name>", "what the job is worth beside others in an engine").choices(PRIORITIES),
    )
    .option("--data <dir>", "the farm's data folder")
    .option("--url <url>", "the gateway to use (or FARM_URL)")
    .option("--json", "print the result as JSON")
    .action((prompt: string | undefined, options: RenderOptions) => render(context, prompt, options));
}

async function render(
  context: CommandContext,
  argument: string | undefined,
  options: RenderOptions,
): Promise<void> {
  const begunMs = performance.now();
  const like = options.like === undefined ? undefined : await readLike(context.cwd, options.like);
  const prompt = argument ?? like?.prompt;
  if (prompt === undefined)
    throw usageError("Cannot render: PROMPT is missing, and no --like FILE tells one");
  const output = planOutput({
    prompt,
    output: options.output,
    format: options.format,
    formatDefault: like?.format,
    count: options.count,
    cwd: context.cwd,
  });
  const own = await requestBody(options, { prompt, format: output.format, cwd: context.cwd });
  const body = like === undefined ? own : likeBody(like, own);
  const request = parseWith(submitRequestSchema, body, "the call");
  requireHttpUrl(options.url);
  const stop = new AbortController();
  using interrupt = onInterrupt(() => stop.abort());
  const target = await openTarget(context, {
    url: options.url,
    dataDir: resolve(context.cwd, options.data ?? context.environment.dataDir),
    model: options.model,
    signal: stop.signal,
  });
  interrupt.onSecond(target.kill);
  try {
    const asked = like !== undefined && options.model === undefined;
    const model = asked ? await likeModel(like, target) : target.model;
    if (like !== undefined) warn(context, likeWarnings(like, model));
    const outcome = await renderJob({
      context,
      client: target.client,
      request: model === undefined ? request : { ...request, model },
      output,
      lasting: target.lasting,
      signal: stop.signal,
    });
    report(context, outcome, {
      seconds: (performance.now() - begunMs) / MS_PER_SECOND,
      json: options.json === true,
      notes: like === undefined ? [] : likeDifferences(like, outcome.job),
    });
  } finally {
    await target.drain();
  }
}

function warn({ terminal }: CommandContext, notes: Iterable<string>): void {
  for (const note of notes) terminal.err(pc.dim(`note: ${note}`));
}

/** A name with a port, such as `localhost:8080`, is a URL as well, of the protocol `localhost:`. */
function requireHttpUrl(url: string | undefined): void {
  const protocol = url === undefined || !URL.canParse(url) ? undefined : new URL(url).protocol;
  if (url === undefined || protocol === "http:" || protocol === "https:") return;
  throw usageError(`Cannot call the gateway: --url is ${url}, must be an http:// or https:// URL`);
}

/** @throws {FarmError} the job's own error, after what was drawn is told */
function report(
  context: CommandContext,
  outcome: RenderOutcome,
  how: { seconds: number; json: boolean; notes: readonly string[] },
): void {
  const { job, pictures, sheet } = outcome;
  const seconds = Number(how.seconds.toFixed(1));
  if (how.json) {
    const files = pictures.map(({ path, frame }) => ({ path, seed: frame.seed, sha256: frame.sha256 }));
    const { id, status, params } = job;
    context.terminal.out(JSON.stringify({ id, status, files, sheet, steps: params.steps, seconds }));
  } else {
    for (const { path, frame } of pictures) {
      const facts = `seed ${frame.seed}  ${job.params.steps} steps`;
      const drawn =
        pictures.length === 1 ? seconds : ((frame.timings?.total_ms ?? 0) / MS_PER_SECOND).toFixed(1);
      context.terminal.out(`${pc.bold(path)}  ${facts}  ${drawn} s`);
    }
    if (sheet !== undefined)
      context.terminal.out(`${pc.bold(sheet)}  ${pictures.length} pictures  ${seconds} s`);
  }
  warn(context, new Set([...pictures.flatMap(({ frame }) => frame.notes), ...how.notes]));
  if (job.status === "succeeded") return;
  const error = job.error ?? { code: "internal" as const, message: `job ${job.id} is ${job.status}` };
  throw new FarmError(error.code, `Cannot render all: ${error.message}`);
}
