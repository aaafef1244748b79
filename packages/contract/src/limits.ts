/**
 * Every cap of the public contract. A name ends in its unit (`bytes`, `chars`, `px`, `count` by plain noun) and then
 * `_min` or `_max`; a refusal names the limit, so a name is part of the contract and is never changed silently.
 */
export const LIMITS = {
  /** Bytes of a request body: two full prompts and full metadata fit, a workflow graph or a picture does not. */
  body_bytes_max: 65_536,
  /** Bytes of a submit body that holds an image: AUTOMATIC1111's clients send up to 4096 x 4096 as PNG in base64. */
  image_body_bytes_max: 20_971_520,
  /** Pixels of an image that is sent in, read off its header before anything is decoded: 48 MiB as RGB. */
  image_pixels_max: 16_777_216,
  /** Pixels of one side of an image that is sent in: WebP's own ceiling. */
  image_px_max: 16_383,
  /** Nested arrays and objects in a body: the deepest valid body has 2; the rest is headroom for later fields. */
  json_depth_max: 8,
  /** UTF-8 bytes of one prompt, checked before anything looks inside: some 50 CLIP chunks of 77 tokens. */
  prompt_bytes_max: 16_384,
  /** An empty prompt in a submit body is nearly always a client's bug; an empty negative prompt is the default. */
  prompt_chars_min: 1,
  /** Characters of a model, sampler or scheduler name: a folder name on every file system. */
  name_chars_max: 128,
  /** Pixels: one patch of the denoiser covers 2 latent cells of 8 pixels, so no smaller picture exists. */
  size_px_min: 16,
  /** Pixels: the largest published position table (SD3.5 Medium) has 384 patches of 16 pixels a side. */
  size_px_max: 6144,
  /** Both sides are whole patches: 2 latent cells of 8 pixels. */
  size_px_multiple: 16,
  /** Pixels of one picture: the VAE decoder keeps some 1.5 kB of float32 a pixel, 6 GiB at this size. */
  pixels_max: 4_194_304,
  steps_min: 1,
  /** Steps: AUTOMATIC1111's own ceiling; the schedules are checked against the reference up to here. */
  steps_max: 150,
  /** Guidance: 0 is the unconditional picture alone, 1 is no guidance. */
  guidance_scale_min: 0,
  /** Guidance: ComfyUI's own ceiling, so that each of its workflows is accepted. */
  guidance_scale_max: 100,
  /** Shift: at 0 every sigma is 0 and the sampler would divide by it. */
  shift_min: 0.01,
  /** Shift: ComfyUI's own ceiling. */
  shift_max: 100,
  /** Strength: at 0 no step is taken, and the image would only lose by the VAE; the schedule has 1 / strength steps. */
  strength_min: 0.01,
  /** Strength: at 1 nothing of the image is left. */
  strength_max: 1,
  skip_layer_scale_min: 0,
  /** Skip-layer guidance: ComfyUI's own ceiling. */
  skip_layer_scale_max: 10,
  skip_layers_min: 1,
  /** Blocks that are skipped at once: more than half of SD3.5 Medium's 24 leaves no picture to steer away from. */
  skip_layers_max: 12,
  skip_layer_index_min: 0,
  /** Block number: the deepest published model, SD3.5 Large, has 38. */
  skip_layer_index_max: 37,
  /** Part of the way from noise to picture. */
  fraction_min: 0,
  fraction_max: 1,
  num_images_min: 1,
  /** Pictures of one job: a quarter to half an hour of one L4 at 1024 x 1024; larger orders are several jobs. */
  num_images_max: 64,
  output_quality_min: 1,
  /** Percent, as JPEG and WebP encoders count quality. */
  output_quality_max: 100,
  /** Entries of `metadata`: labels for the client's own use, not a store. */
  metadata_entries_max: 16,
  /** Characters of a metadata key, out of letters, digits, `_`, `.`, `:` and `-`. */
  metadata_key_chars_max: 64,
  /** UTF-8 bytes of a metadata value: a URL or an id fits. */
  metadata_value_bytes_max: 512,
  /** Characters of an `Idempotency-Key` header: room for a UUID with a prefix. */
  idempotency_key_chars_max: 255,
  wait_seconds_min: 1,
  /** Seconds of `Prefer: wait`: proxies commonly cut a silent request at 60. */
  wait_seconds_max: 60,
} as const;

/** The name of a limit, as refusals print it. */
export type LimitName = keyof typeof LIMITS;
