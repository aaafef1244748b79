import type { FrameParams } from "@latentfarm/contract";
import { FarmError } from "@latentfarm/contract";
import type { FrameId } from "../ipc/messages.js";
import type { RenderedFrame, RenderOptions } from "../rendered-frame.js";

/**
 * Crashes of the engine that one frame may be part of. The first may be another frame's or the machine's fault; three
 * in a row with the same frame in flight are most likely its own, and a fourth try would take the engine down again.
 */
export const FRAME_CRASHES_MAX = 3;

/** A frame in flight, as the host remembers it across restarts of the engine. */
export interface LedgerEntry {
  readonly id: FrameId;
  readonly params: FrameParams;
  readonly options: RenderOptions;
  /** True when the engine that runs now has it. */
  sent: boolean;
  crashes: number;
  /** The newest snapshot, from which the engine after a crash goes on. */
  snapshot: Uint8Array | undefined;
}

/** Every frame that was taken and not yet answered. */
export interface FrameLedger {
  readonly size: number;
  /** Takes a frame in; the promise settles by {@link FrameLedger.resolve} or {@link FrameLedger.reject}. */
  add(params: FrameParams, options: RenderOptions): { entry: LedgerEntry; rendered: Promise<RenderedFrame> };
  get(id: FrameId): LedgerEntry | undefined;
  /** Frames that the engine that runs now was not given yet. */
  unsent(): LedgerEntry[];
  resolve(id: FrameId, frame: RenderedFrame): void;
  reject(id: FrameId, error: FarmError): void;
  rejectAll(error: FarmError): void;
  /** Counts a crash against the frames that the engine had and fails those that were part of too many. */
  recordCrash(): void;
  /** Resolves when no frame is left. */
  drained(): Promise<void>;
}

interface Pending {
  readonly entry: LedgerEntry;
  readonly resolve: (frame: RenderedFrame) => void;
  readonly reject: (error: FarmError) => void;
}

/** Makes an empty ledger. A frame that was already answered is passed over in silence: answers and aborts may cross. */
export function createFrameLedger(): FrameLedger {
  const pending = new Map<FrameId, Pending>();
  let waiters: (() => void)[] = [];
  let nextId: FrameId = 1;

  function take(id: FrameId): Pending | undefined {
    const found = pending.get(id);
    pending.delete(id);
    if (pending.size === 0) {
      for (const wake of waiters) wake();
      waiters = [];
    }
    return found;
  }

  const reject = (id: FrameId, error: FarmError) => take(id)?.reject(error);

  return {
    get size() {
      return pending.size;
    },
    add: (params, options) => {
      const entry: LedgerEntry = {
        id: nextId,
        params,
        options,
        sent: false,
        crashes: 0,
        snapshot: options.resume,
      };
      nextId += 1;
      const rendered = new Promise<RenderedFrame>((resolve, fail) => {
        pending.set(entry.id, { entry, resolve, reject: fail });
      });
      return { entry, rendered };
    },
    get: (id) => pending.get(id)?.entry,
    unsent: () => [...pending.values()].map(({ entry }) => entry).filter((entry) => !entry.sent),
    resolve: (id, frame) => take(id)?.resolve(frame),
    reject,
    rejectAll: (error) => {
      for (const id of [...pending.keys()]) reject(id, error);
    },
    recordCrash: () => {
      for (const { entry } of [...pending.values()]) {
        if (!entry.sent) continue;
        entry.sent = false;
        entry.crashes += 1;
        if (entry.crashes >= FRAME_CRASHES_MAX) reject(entry.id, crashedTooOften(entry));
      }
    },
    drained: () => (pending.size === 0 ? Promise.resolve() : new Promise((wake) => waiters.push(wake))),
  };
}

function crashedTooOften({ crashes }: LedgerEntry): FarmError {
  const message = `Cannot finish the frame as the engine crashed with it: crashes is ${crashes}`;
  return new FarmError("engine_crashed", message, { details: { crashes } });
}
