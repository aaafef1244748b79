import { type Aim, claimAims, memoryAims, overheadAims, pickupAims, submitAims } from "./aims.js";
import { formatClaim, measureClaim } from "./claim.js";
import { formatFleet, measureFleet } from "./fleet.js";
import { formatMemory, measureMemory } from "./memory.js";
import { formatShare, measureShare } from "./overhead.js";
import { formatPickup, measurePickup } from "./pickup.js";
import { formatProfile, profileGateway } from "./profile-gateway.js";
import { formatSse, measureSse } from "./sse.js";
import { formatSubmit, measureSubmit } from "./submit.js";

/** What `--quick` leaves of the backlogs, the fleet and the listeners: enough to see that a part runs. */
const QUICK = { claimFrames: 10_000, memoryFrames: 10_000, workers: 100, listeners: 1_000 } as const;

/** Workers of the fleet. */
const FLEET_WORKERS = 1_000;

/** How a part is run. */
export interface PartOptions {
  /** Small backlogs and fleets; the figures are for the eye only. */
  readonly quick: boolean;
  /** Looks into the gateway as well. */
  readonly profile: boolean;
}

/** What a part found. */
export interface PartResult {
  readonly figures: object;
  readonly aims: readonly Aim[];
  /** The figures for people. */
  readonly markdown: string;
}

/** The parts of the benchmark by name, in the order in which they run. */
export const PARTS: ReadonlyMap<string, (options: PartOptions) => Promise<PartResult>> = new Map([
  ["submit", runSubmit],
  ["pickup", runPickup],
  ["claim", runClaim],
  ["fleet", runFleet],
  ["memory", runMemory],
  ["sse", runSse],
  ["overhead", runOverhead],
]);

async function runSubmit({ profile }: PartOptions): Promise<PartResult> {
  const figures = await measureSubmit();
  const result = { figures, aims: submitAims(figures), markdown: formatSubmit(figures) };
  if (!profile) return result;
  const summary = await profileGateway();
  const markdown = `${result.markdown}\n\n### The gateway's time\n\n${formatProfile(summary)}`;
  return { ...result, figures: { ...figures, profile: summary }, markdown };
}

async function runPickup(): Promise<PartResult> {
  const figures = await measurePickup();
  return { figures, aims: pickupAims(figures), markdown: formatPickup(figures) };
}

async function runClaim({ quick }: PartOptions): Promise<PartResult> {
  const figures = await measureClaim(quick ? { framesMax: QUICK.claimFrames } : {});
  return { figures, aims: claimAims(figures), markdown: formatClaim(figures) };
}

async function runFleet({ quick }: PartOptions): Promise<PartResult> {
  const workers = quick ? QUICK.workers : FLEET_WORKERS;
  const fleets = [
    await measureFleet({ workers, progress: true }),
    await measureFleet({ workers, progress: false }),
  ];
  return { figures: { fleets }, aims: [], markdown: formatFleet(fleets) };
}

async function runMemory({ quick }: PartOptions): Promise<PartResult> {
  const figures = await measureMemory(quick ? { frames: QUICK.memoryFrames } : {});
  return { figures, aims: memoryAims(figures), markdown: formatMemory(figures) };
}

async function runSse({ quick }: PartOptions): Promise<PartResult> {
  const figures = await measureSse(quick ? { listenersMax: QUICK.listeners } : {});
  return { figures, aims: [], markdown: formatSse(figures) };
}

async function runOverhead(): Promise<PartResult> {
  const figures = await measureShare();
  return { figures, aims: overheadAims(figures), markdown: formatShare(figures) };
}
