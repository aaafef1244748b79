/** Milliseconds of a minute. */
export const MINUTE_MS = 60_000;

/** Milliseconds of an hour. */
export const HOUR_MS = 3_600_000;

/** Picture sizes of the day's load, by their side in pixels. */
export type Side = 512 | 768 | 1024;

/** A kind of GPU, drawing SD3.5 Large in FP8 with guidance: two rows a frame. */
export interface GpuClass {
  readonly name: string;
  /** Seconds of one step of one frame alone. */
  readonly stepSeconds: Readonly<Record<Side, number>>;
  /** Seconds of a frame beside its steps: text encoders, VAE, bytes. */
  readonly frameSeconds: number;
  /** Frames that share a step at most, and frames a second with so many over one alone. */
  readonly sharing: Readonly<Record<Side, { readonly cap: number; readonly gain: number }>>;
  /** Megapixel-steps a second of a worker: what the chart is configured with. */
  readonly rate: number;
  readonly onDemandPerHour: number;
  readonly spotPerHour: number;
}

/** TFLOP of one forward pass of SD3.5 Large with 333 text tokens. Source: shared facts, the FLOP model of the roofline. */
const FORWARD_TFLOP: Readonly<Record<Side, number>> = { 512: 8, 768: 16.8, 1024: 31.1 };

/** Rows of a frame with guidance. */
const ROWS = 2;

/** The part of the dense float16 peak that is planned with; SD3 Medium reached 0.50 to 0.52 on an A100. */
const PEAK_SHARE = 0.5;

/**
 * The roofline of the shared facts: half of the dense float16 peak, and the decoding of FP8 weights beside it. No GPU was
 * there to measure it. Gains of sharing follow the same roofline; caps are what the engine's rule (5 % a doubling) makes
 * of them. Prices as docs/operations.md has them: g6.2xlarge and g5.2xlarge on demand in us-east-1, August 2026; spot at
 * half.
 */
export const GPUS = {
  l4: gpu({
    name: "L4",
    peakTflops: 121,
    decodeSeconds: 0.078,
    frameSeconds: 0.6,
    gains: { 512: 1.23, 768: 1.07, 1024: 1 },
    rate: 0.9,
    onDemandPerHour: 0.978,
  }),
  a10g: gpu({
    name: "A10G",
    peakTflops: 70,
    decodeSeconds: 0.04,
    frameSeconds: 0.5,
    gains: { 512: 1.08, 768: 1, 1024: 1 },
    rate: 0.55,
    onDemandPerHour: 1.212,
  }),
} as const satisfies Readonly<Record<string, GpuClass>>;

/** How long a worker takes to be there: each part uniform between its bounds, in milliseconds. */
export interface ColdStart {
  /** Until the node is there. */
  readonly node: readonly [low: number, high: number];
  readonly image: readonly [low: number, high: number];
  /** Until the checkpoint lies on the node's disk. */
  readonly cache: readonly [low: number, high: number];
  /** Until the engine has loaded it. */
  readonly load: readonly [low: number, high: number];
}

/** 115 to 300 s on a new node; on a node that has just lost its pod, the load alone. */
export const COLD_START: ColdStart = {
  node: [60_000, 120_000],
  image: [20_000, 60_000],
  cache: [20_000, 80_000],
  load: [15_000, 40_000],
};

/** What spot machines do. */
export interface Spot {
  /** Ends a node and hour. */
  readonly endsPerHour: number;
  /** The share of ends that are told beforehand. */
  readonly toldShare: number;
  /** Milliseconds between the notice and the end. */
  readonly noticeMs: number;
}

/** One in twenty an hour: AWS tells of 5 to 20 % a month for most kinds of machine, GPUs are above. */
export const SPOT: Spot = { endsPerHour: 0.05, toldShare: 0.9, noticeMs: 120_000 };

/** Milliseconds that an empty node is kept for the next pod. */
export const NODE_KEPT_MS = 60_000;

/** Milliseconds from the silent end of a node until its pod is replaced. */
export const REPLACED_AFTER_MS = 60_000;

/** Milliseconds until the frames of a lost worker are taken again. Source: DESIGN.md section 6, measured. */
export const LOCK_LOST_MS: readonly [low: number, high: number] = [6_000, 10_000];

/** Steps after which the engine leaves a snapshot: FARM_SNAPSHOT_STEPS by default. */
export const SNAPSHOT_STEPS = 5;

function gpu(facts: {
  readonly name: string;
  readonly peakTflops: number;
  /** Seconds a step that FP8 weights take to decode. */
  readonly decodeSeconds: number;
  readonly frameSeconds: number;
  readonly gains: Readonly<Record<Side, number>>;
  readonly rate: number;
  readonly onDemandPerHour: number;
}): GpuClass {
  const { peakTflops, decodeSeconds, gains, ...rest } = facts;
  const step = (side: Side) => (ROWS * FORWARD_TFLOP[side]) / (peakTflops * PEAK_SHARE) + decodeSeconds;
  const share = (side: Side) => {
    const gain = gains[side];
    return { gain, cap: gain > 1.2 ? 4 : gain > 1 ? 2 : 1 };
  };
  return {
    ...rest,
    stepSeconds: { 512: step(512), 768: step(768), 1024: step(1024) },
    sharing: { 512: share(512), 768: share(768), 1024: share(1024) },
    spotPerHour: facts.onDemandPerHour / 2,
  };
}
