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
  /** Pictures of one job: a day of one L4 at 512 x 512, and some 10 MB of the job's own text once all are done. */
  num_images_max: 10_000,
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
  start_within_min: 1,
  /** Seconds of `start_within`: as long as an unfinished job is kept. */
  start_within_max: 604_800,
  /** Characters of a webhook's address: what proxies and browsers take at least. */
  webhook_url_chars_max: 2_048,
  rotation_overlap_seconds_min: 0,
  /** Seconds for which a rotated secret still signs: a week to bring the new one out everywhere. */
  rotation_overlap_seconds_max: 604_800,
  /** Seconds: a day. */
  rotation_overlap_seconds_default: 86_400,
  /** Frames that a webhook's body lists: its receivers expect some 20 kB; the rest is fetched. */
  webhook_frames_max: 16,
  /** Characters of each prompt in a webhook's body: whole prompts repeat 32 kB in each frame's event of a job. */
  webhook_prompt_chars_max: 1_000,
  /** A tenant's weight: its share beside others. */
  weight_min: 0.01,
  weight_max: 1_000,
  /** Megapixel-steps that a tenant's quota may name: ten million pictures of 1024 x 1024 and 28 steps. */
  tenant_cost_max: 300_000_000,
  /** Frames that a tenant's quota may name. */
  tenant_frames_max: 10_000_000,
  /** Unfinished frames of the whole farm: some 1 kB of Redis each. Past it the farm says that it is full. */
  farm_frames_max: 2_000_000,
  rate_per_minute_min: 1,
  /** Requests a minute of one key: 1,600 a second is what a gateway takes. */
  rate_per_minute_max: 100_000,
  /** Requests a minute of a key that is made without a rate: a hundred a second, a sixteenth of a gateway. */
  rate_per_minute_default: 6_000,
  /**
   * Event streams and waits (`Prefer: wait`) of one tenant that one gateway holds open: a quarter of its connections, so that
   * no tenant's idle readers keep others out.
   */
  tenant_streams_max: 4_096,
  /** Characters of what a person calls a key. */
  key_name_chars_max: 128,
  /** Frames that a job is shown with, some 0.6 kB each; the rest of a larger job's are fetched page by page. */
  job_frames_shown_max: 1_000,
  /** Frames of one page. */
  frames_page_max: 1_000,
  frames_page_default: 100,
  page_min: 1,
  /** Entries of one page of a list. */
  page_max: 100,
  page_default: 20,
  wait_seconds_min: 1,
  /** Seconds of `Prefer: wait`: proxies commonly cut a silent request at 60. */
  wait_seconds_max: 60,
} as const;

/** The name of a limit, as refusals print it. */
export type LimitName = keyof typeof LIMITS;
