import {
  FarmError,
  type Frame,
  isTerminal,
  type Job,
  type JobId,
  type SubmitRequest,
} from "@latentfarm/contract";
import type { CommandContext } from "../context.js";
import type { GatewayClient } from "./gateway-client.js";
import type { OutputPlan } from "./output-paths.js";
import { createProgress } from "./progress.js";
import { writeFileWhole } from "./write-file.js";

/** A picture on disk. */
export interface WrittenPicture {
  readonly path: string;
  readonly frame: Frame;
  readonly bytes: Uint8Array;
}

/** What a call brought. */
export interface RenderOutcome {
  readonly job: Job;
  readonly pictures: readonly WrittenPicture[];
  /** The contact sheet, when there are several pictures. */
  readonly sheet: string | undefined;
}

/** What `renderJob()` needs. */
export interface RenderJobOptions {
  readonly context: CommandContext;
  readonly client: GatewayClient;
  readonly request: SubmitRequest;
  readonly output: OutputPlan;
  /** The farm keeps the job when the call ends. */
  readonly lasting: boolean;
  readonly signal: AbortSignal;
}

/**
 * Submits a job, follows it to its end and writes its pictures. When the signal aborts, the job is canceled. Frames
 * that succeeded are written even when others of the job failed.
 * @throws {FarmError} what the gateway answers; canceled
 */
export async function renderJob(options: RenderJobOptions): Promise<RenderOutcome> {
  const { client, signal } = options;
  const submitted = await client.submit(options.request);
  try {
    await follow(options, submitted);
  } catch (error) {
    // The job may have ended by itself; a gateway that is gone has nothing to cancel.
    if (signal.aborted) await client.cancel(submitted.id).catch(() => undefined);
    if (signal.aborted) throw new FarmError("canceled", `Stopped: job ${submitted.id} is canceled`);
    throw lostSight(options, submitted.id, error);
  }
  const job = await client.job(submitted.id).catch((error: unknown) => {
    throw lostSight(options, submitted.id, error);
  });
  const pictures: WrittenPicture[] = [];
  for (const frame of job.frames) {
    if (frame.status !== "succeeded" || frame.url === null) continue;
    const bytes = await client.picture(frame.url).catch((error: unknown) => {
      throw lostSight(options, submitted.id, error);
    });
    const path = options.output.picturePath(frame.index, frame.seed);
    await writeFileWhole(path, bytes);
    pictures.push({ path, frame, bytes });
  }
  return { job, pictures, sheet: await writeSheet(pictures, job, options.output) };
}

/** A farm that was stopped goes on with the job when it runs again: the caller must know how to come by it. */
function lostSight({ client, lasting }: RenderJobOptions, id: JobId, error: unknown): unknown {
  if (!lasting || !(error instanceof FarmError && error.retryable)) return error;
  const job = new URL(`/v1/jobs/${id}`, client.url);
  const where = `its state is at ${job}, its pictures at ${job}/frames/0 and so on`;
  const message = `${error.message}. Job ${id} is not lost and goes on when the farm runs: ${where}`;
  return new FarmError(error.code, message, { cause: error });
}

async function follow({ context, client }: RenderJobOptions, job: Job): Promise<void> {
  if (isTerminal(job.status)) return;
  const progress = createProgress(context.terminal, job.progress.frames);
  try {
    for await (const event of client.events(job.id)) progress.update(event);
  } finally {
    progress.stop();
  }
}

async function writeSheet(
  pictures: readonly WrittenPicture[],
  job: Job,
  output: OutputPlan,
): Promise<string | undefined> {
  if (pictures.length < 2) return undefined;
  // sharp is loaded only for a sheet: it would add a tenth of a second to every call.
  const { contactSheet } = await import("@latentfarm/image");
  const path = output.sheetPath(job.params.seed);
  await writeFileWhole(path, await contactSheet(pictures.map(({ bytes }) => bytes)));
  return path;
}
