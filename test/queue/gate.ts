import type { FrameResult } from "@latentfarm/contract";
import type { FrameWork } from "@latentfarm/queue";
import { resultOf } from "./farm-fixture.js";

/** A frame that a worker holds until it is told how it ends. */
export interface HeldFrame {
  readonly frame: FrameWork;
  succeed(): void;
  fail(error: Error): void;
}

/** An engine that draws nothing: each frame stays until the test lets it go, or its signal aborts. */
export class Gate {
  readonly #starts: boolean;
  #came: HeldFrame[] = [];
  #heldNow = 0;
  #wake: (() => void) | undefined;

  /** With `starts` false, frames are claimed and do not start. */
  constructor(options: { readonly starts: boolean } = { starts: true }) {
    this.#starts = options.starts;
  }

  /** Frames that are held now. */
  get held(): number {
    return this.#heldNow;
  }

  /** What a consumer is given. */
  readonly process = async (frame: FrameWork): Promise<FrameResult> => {
    if (this.#starts) await frame.started();
    this.#heldNow++;
    try {
      return await new Promise<FrameResult>((resolve, reject) => {
        const abort = () => reject(frame.signal.reason);
        if (frame.signal.aborted) abort();
        frame.signal.addEventListener("abort", abort, { once: true });
        this.#came.push({ frame, succeed: () => resolve(resultOf(frame)), fail: reject });
        this.#wake?.();
      });
    } finally {
      this.#heldNow--;
    }
  };

  /** The next frame that comes, in the order of their coming. */
  async next(): Promise<HeldFrame> {
    for (;;) {
      const first = this.#came.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
