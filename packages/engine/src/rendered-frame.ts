/** Where the time of one frame went; milliseconds on the wall clock of the engine. */
export interface RenderTimings {
  /** Tokenizing and text encoders; near 0 when the encoded prompts were cached. */
  readonly text_ms: number;
  /** From the end of the text to the end of the last step, the turns of other frames between steps included. */
  readonly steps_ms: number;
  /** VAE decoding and the conversion to bytes. */
  readonly vae_ms: number;
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
  /** What the reader should be told, such as "prompt fills 3 CLIP chunks". */
  readonly notes: readonly string[];
}

/** What a caller of one frame adds, may watch and stop. */
export interface RenderOptions {
  /**
   * The pixels that a frame with `init_image` starts from: ``uint8 [height, width, 3]``, of the frame's own size. The
   * caller has checked them against the hash in the parameters.
   */
  readonly initImage?: Uint8Array;
  /** Stops the frame: before its text, between steps or before the VAE. */
  readonly signal?: AbortSignal;
  /** The frame's share of the device beside other frames, from 1/16 to 16; 1 by default. */
  readonly weight?: number;
  /** Called after each step with the steps completed and all steps. */
  readonly onStep?: (step: number, steps: number) => void;
  /** Called at most every preview interval with a small picture: ``uint8 [height, width, 3]``, one pixel a latent cell. */
  readonly onPreview?: (rgb: Uint8Array, width: number, height: number) => void;
}
