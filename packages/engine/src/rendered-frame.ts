import type { SavedFrame } from "./snapshot/frame-snapshot.js";

/** Where the time of one frame went; milliseconds on the wall clock of the engine. */
export interface RenderTimings {
  /** Tokenizing and text encoders; near 0 when the encoded prompts were cached. */
  readonly text_ms: number;
  /** From the end of the text to the end of the last step, the turns of other frames between steps included. */
  readonly steps_ms: number;
  /** VAE decoding and the conversion to bytes. */
  readonly vae_ms: number;
}

/**
 * When the parts of a frame were: milliseconds before its picture was done, so that they need no common clock. The end of
 * one part need not be the beginning of the next, since other frames have their turns between.
 */
export interface RenderMoments {
  readonly text_begun: number;
  /** The text is encoded, too. */
  readonly steps_begun: number;
  readonly steps_done: number;
  readonly vae_begun: number;
}

/** A finished picture, not yet encoded as PNG, JPEG or WebP. */
export interface RenderedFrame {
  /** ``uint8 [height, width, 3]`` */
  readonly rgb: Uint8Array;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  readonly timings: RenderTimings;
  readonly moments: RenderMoments;
  /** What the reader should be told, such as "prompt fills 3 CLIP chunks". */
  readonly notes: readonly string[];
  /** Steps that were taken over from a snapshot instead of drawn; 0 for none. */
  readonly resumed_from_step: number;
  /** Rows of the largest denoiser call that it took part in, its own included; 0 when it had no step left to take. */
  readonly batch_rows_max: number;
}

/** What became of the snapshot that a frame was to go on from; one that is refused makes it begin anew. */
export type ResumeOutcome =
  | { readonly kind: "resumed"; readonly step: number; readonly steps: number }
  | { readonly kind: "refused"; readonly reason: string };

/** What a caller of one frame adds, may watch and stop. */
export interface RenderOptions {
  /**
   * The pixels that a frame with `init_image` starts from: ``uint8 [height, width, 3]``, of the frame's own size. The
   * caller has checked them against the hash in the parameters.
   */
  readonly initImage?: Uint8Array;
  /**
   * Stops the frame: before its text, between steps or before the VAE. With a FarmError interrupted as its reason the
   * frame leaves a snapshot before it ends, for whoever goes on with it.
   */
  readonly signal?: AbortSignal;
  /** A snapshot of this frame to go on from, as {@link RenderOptions.onSnapshot} gave it; not trusted. */
  readonly resume?: Uint8Array;
  /** Called once when `resume` is given: whether the frame goes on from it. */
  readonly onResume?: (outcome: ResumeOutcome) => void;
  /** Called every few steps, and when the frame is interrupted; the bytes are the caller's. */
  readonly onSnapshot?: (saved: SavedFrame) => void;
  /** Names the frame in the reports of step batches: a whole number over 0. */
  readonly tag?: number;
  /** The frame's share of the device beside other frames, from 1/16 to 16; 1 by default. */
  readonly weight?: number;
  /** Called after each step with the steps completed and all steps; a resumed frame first tells where it goes on. */
  readonly onStep?: (step: number, steps: number) => void;
  /** Called at most every preview interval with a small picture: ``uint8 [height, width, 3]``, one pixel a latent cell. */
  readonly onPreview?: (rgb: Uint8Array, width: number, height: number) => void;
}
