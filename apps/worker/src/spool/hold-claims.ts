import type { FrameConsumer } from "@latentfarm/queue";
import type { Logger } from "@latentfarm/telemetry";
import type { PictureSpool, SpoolFill } from "./picture-spool.js";

/** Milliseconds between looks at the spool: a frame is drawn in no less. */
const LOOK_MS = 2_000;

/** Holds a worker back while its spool is full. */
export interface ClaimHold extends Disposable {
  /** Why no frame is taken, or what waits; null when nothing waits. */
  readonly reason: string | null;
  readonly isHeld: boolean;
}

/**
 * Looks at the spool from time to time: no frames are taken while it is full, and the fleet's list says why. They are
 * taken again when the store has what it held.
 */
export function holdClaims(
  parts: { readonly spool: PictureSpool; readonly log: Pick<Logger, "warn" | "info"> },
  consumer: Pick<FrameConsumer, "hold" | "resume">,
): ClaimHold & { look(): Promise<void> } {
  let fill: SpoolFill = { files: 0, bytes: 0, isFull: false };
  let isHeld = false;
  const look = async (): Promise<void> => {
    fill = await parts.spool.fill();
    if (fill.isFull === isHeld) return;
    isHeld = fill.isFull;
    const { files, bytes } = fill;
    if (isHeld)
      parts.log.warn({ files, bytes }, "spool is full, no frames are taken until the store is back");
    else parts.log.info({ files, bytes }, "spool has room, frames are taken again");
    await (isHeld ? consumer.hold() : consumer.resume());
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) => parts.log.warn({ err: error }, "claims not held"));
  }, LOOK_MS);
  timer.unref();
  return {
    look,
    get reason() {
      if (fill.files === 0) return null;
      const waiting = `its store is away: ${fill.files} pictures wait on its disk`;
      return isHeld ? `${waiting}, which is all that it keeps` : waiting;
    },
    get isHeld() {
      return isHeld;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
