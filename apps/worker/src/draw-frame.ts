import { createHash } from "node:crypto";
import { CONTENT_TYPES, type FrameResult, frameParamsHash } from "@latentfarm/contract";
import type { RenderedFrame } from "@latentfarm/engine";
import type { EncodedImage } from "@latentfarm/image";
import type { FrameWork } from "@latentfarm/queue";
import { frameKey, snapshotKey } from "@latentfarm/storage";
import type { WorkerContext } from "./context.js";
import { describeProvenance } from "./describe-picture.js";
import { encodePicture } from "./encode-picture.js";
import { loadInitImage } from "./init-image.js";
import { createPatientStore, isAway, type Patience } from "./patient-store.js";
import { renderFrame } from "./render-frame.js";
import { handIn } from "./spool/hand-in.js";
import type { SpooledPicture } from "./spool/picture-spool.js";
import { findStoredResult, RESULT_LABELS } from "./stored-result.js";

/** What drawing needs. */
export type DrawContext = Pick<
  WorkerContext,
  | "config"
  | "engine"
  | "store"
  | "spool"
  | "signer"
  | "log"
  | "metrics"
  | "tracing"
  | "batches"
  | "work"
  | "nowMs"
>;

/**
 * Draws one frame: looks whether an earlier attempt has stored it or has left it on this machine's disk, else renders,
 * encodes and stores it. While the store is away it waits with what it has.
 * @throws {FarmError} canceled; interrupted, also for an engine or a store that does not come back, since that is not
 * the frame's fault; what the engine throws
 */
export async function drawFrame(context: DrawContext, frame: FrameWork): Promise<FrameResult> {
  await frame.started();
  const paramsHash = frameParamsHash(frame.params);
  const key = frameKey(frame.jobId, frame.index, frame.params.output_format);
  const place = { jobId: frame.jobId, index: frame.index, attempt: frame.attempt };
  const { log, nowMs, tracing } = context;
  const patience = { signal: frame.signal, log, nowMs, place };
  const store = createPatientStore(context.store, patience);
  const found = await tracing.span("find", {}, () =>
    findDrawn(context, frame, { key, paramsHash, patience }),
  );
  if (found !== undefined) {
    await dropSnapshot(context, frame);
    return found;
  }
  const begunMs = nowMs();
  const initImage = await loadInitImage(store, frame);
  const picture = await renderFrame(context, frame, initImage);
  frame.signal.throwIfAborted();
  const format = { "farm.picture.format": frame.params.output_format } as const;
  const encoded = await tracing.span("encode", format, () => encodePicture(context, frame, picture));
  const result = describeResult(context, frame, { picture, ...encoded, key, begunMs });
  const putMs = nowMs();
  await tracing.span("upload", { "farm.picture.bytes": result.bytes }, () =>
    handIn(context, toPicture(frame, { result, paramsHash, bytes: encoded.bytes }), patience),
  );
  const uploadMs = nowMs() - putMs;
  log.info({ ...place, totalMs: result.timings.total_ms, bytes: result.bytes }, "frame finished");
  const { timings } = result;
  return { ...result, timings: { ...timings, upload_ms: uploadMs, total_ms: timings.total_ms + uploadMs } };
}

/**
 * What an earlier attempt has drawn. A first attempt has none before it, so that it draws while the store is away; a
 * later one waits, since a look at the store may spare it the drawing.
 */
async function findDrawn(
  context: DrawContext,
  frame: FrameWork,
  look: { readonly key: string; readonly paramsHash: string; readonly patience: Patience },
): Promise<FrameResult | undefined> {
  const { key, paramsHash, patience } = look;
  const { log, place } = patience;
  const isFirst = frame.attempt === 1;
  const store = isFirst ? context.store : createPatientStore(context.store, patience);
  const stored = await findStoredResult(store, key, paramsHash).catch((error: unknown) => {
    if (!isFirst || !isAway(error)) throw error;
    log.warn({ ...place, err: error }, "store is away, frame is drawn meanwhile");
    return undefined;
  });
  if (stored !== undefined) {
    log.info(place, "frame found in the store");
    await context.spool.drop(key);
    return stored;
  }
  const spooled = isFirst ? undefined : await context.spool.find(key, paramsHash);
  if (spooled === undefined) return undefined;
  log.info(place, "frame found on this disk");
  await handIn(context, spooled.picture, patience);
  return spooled.result;
}

/** The attempt that stored the picture may have died before it cleared the snapshot that it went on from. */
async function dropSnapshot({ store, log }: DrawContext, { jobId, index }: FrameWork): Promise<void> {
  const deleted = store.delete(snapshotKey(jobId, index));
  await deleted.catch((error) => log.warn({ jobId, index, err: error }, "snapshot not deleted"));
}

/** The picture with its result as labels, as it stands before the upload, which is not yet timed in it. */
function toPicture(
  { tenant }: FrameWork,
  drawn: { readonly result: FrameResult; readonly paramsHash: string; readonly bytes: Uint8Array },
): SpooledPicture {
  const { result, paramsHash, bytes } = drawn;
  const metadata = {
    [RESULT_LABELS.attempt]: String(result.attempt),
    [RESULT_LABELS.paramsHash]: paramsHash,
    [RESULT_LABELS.result]: JSON.stringify(result),
  };
  const info = { contentType: CONTENT_TYPES[result.format], metadata, tags: { tenant } };
  return { key: result.key, bytes, info };
}

/** What is reported of a drawn frame; `total_ms` counts from the job's creation to the end of the encoding. */
function describeResult(
  context: DrawContext,
  frame: FrameWork,
  drawn: EncodedImage & {
    readonly picture: RenderedFrame;
    readonly encodeMs: number;
    readonly key: string;
    readonly begunMs: number;
  },
): FrameResult {
  const { picture, bytes } = drawn;
  const totalMs = frame.queueMs + context.nowMs() - drawn.begunMs;
  return {
    index: frame.index,
    seed: frame.params.seed,
    key: drawn.key,
    width: picture.width,
    height: picture.height,
    format: frame.params.output_format,
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    worker: context.config.id,
    plan: context.engine.info.plan,
    attempt: frame.attempt,
    ...(picture.resumed_from_step > 0 && { resumed_from_step: picture.resumed_from_step }),
    provenance: describeProvenance(context.engine.info, picture),
    timings: {
      ...picture.timings,
      queue_ms: frame.queueMs,
      encode_ms: drawn.encodeMs,
      upload_ms: 0,
      total_ms: totalMs,
    },
    notes: [...picture.notes, ...drawn.notes],
  };
}
