/** The share of the demand by which a backlog may grow before the demand counts as too high: frames are not smooth. */
const GROWTH_MAX = 0.03;

/** The share of a core, or of all cores, from which it counts as used up. */
const FULL = 0.9;

const MS_PER_SECOND = 1_000;

/** What was seen while one demand was kept up. */
export interface FleetSample {
  readonly seconds: number;
  readonly cores: number;
  readonly demandedFrames: number;
  readonly doneFrames: number;
  /** By how many frames the backlog grew. */
  readonly backlogGrowth: number;
  /** Processor time in milliseconds: of Redis's main thread, of all of Redis, of the workers, of the submitter, of the machine. */
  readonly redisMainMs: number;
  readonly redisMs: number;
  readonly workersMs: number;
  readonly submitterMs: number;
  readonly machineMs: number;
  /** Frames that all workers could do in this time, had the queue cost nothing. */
  readonly capacityFrames: number;
}

/** Whether the farm kept up with the demand. */
export function keepsUp({ backlogGrowth, demandedFrames }: FleetSample): boolean {
  return backlogGrowth <= demandedFrames * GROWTH_MAX;
}

/** What is used up, in words; undefined when nothing is. */
export function findBottleneck(sample: FleetSample): string | undefined {
  const elapsedMs = sample.seconds * MS_PER_SECOND;
  if (sample.redisMainMs / elapsedMs >= FULL) return "Redis: its one thread of commands fills a core";
  const machine = sample.machineMs / (elapsedMs * sample.cores);
  if (machine >= FULL) {
    const othersMs = Math.max(sample.machineMs - sample.workersMs - sample.redisMs - sample.submitterMs, 0);
    const share = (ms: number) => `${((100 * ms) / sample.machineMs).toFixed(0)}%`;
    return (
      `this machine's ${sample.cores} cores: workers' side ${share(sample.workersMs)}, Redis ${share(sample.redisMs)}, ` +
      `submitter ${share(sample.submitterMs)}, other programs ${share(othersMs)} of the work`
    );
  }
  if (sample.doneFrames >= sample.capacityFrames * FULL) return "the workers: each has its frames in flight";
  return undefined;
}

/** Frames a second that Redis could do with a core of its own, by its processor time for each frame here. */
export function projectRedis({ redisMainMs, doneFrames }: FleetSample): number {
  return redisMainMs === 0 ? 0 : (doneFrames / redisMainMs) * MS_PER_SECOND;
}
