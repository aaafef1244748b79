import { formatTable } from "../measure/report.js";
import type { ClaimFigures } from "./claim.js";
import { FRAME_BYTES_AIM, type MemoryFigures } from "./memory.js";
import { OVERHEAD_SHARE_AIM, type ShareFigures } from "./overhead.js";
import { PICKUP_P50_MS_AIM, type PickupFigures } from "./pickup.js";
import { ACCEPTED_PER_SECOND_AIM, nameVariant, SUBMIT_P99_MS_AIM, type SubmitFigures } from "./submit.js";

/** How far the claim may slow down from the shortest backlog to the longest: what two runs differ by. */
const CLAIM_RATIO_AIM = 1.5;

/** What the farm aims at, and what was measured. */
export interface Aim {
  readonly what: string;
  readonly aim: string;
  readonly figure: string;
  readonly met: boolean;
}

/** The aims of submitting, for each kind of farm. */
export function submitAims({ variants }: SubmitFigures): Aim[] {
  return variants.flatMap(({ closed, open, ...variant }) => {
    const most = Math.max(...closed.map(({ acceptedPerSecond }) => acceptedPerSecond));
    const kind = nameVariant(variant);
    return [
      {
        what: `accepted jobs a second, ${kind}`,
        aim: `at least ${ACCEPTED_PER_SECOND_AIM}`,
        figure: most.toFixed(0),
        met: most >= ACCEPTED_PER_SECOND_AIM,
      },
      {
        what: `p99 at ${open.ratePerSecond} a second, ${kind}`,
        aim: `under ${SUBMIT_P99_MS_AIM} ms`,
        figure: `${open.latency.p99.toFixed(1)} ms`,
        met: open.latency.p99 < SUBMIT_P99_MS_AIM && open.failed + open.unsent === 0,
      },
    ];
  });
}

/** The aim of an idle worker's wait. */
export function pickupAims({ pickup }: PickupFigures): Aim[] {
  return [
    {
      what: "add to pickup with an idle worker, p50",
      aim: `under ${PICKUP_P50_MS_AIM} ms`,
      figure: `${pickup.p50.toFixed(2)} ms`,
      met: pickup.p50 < PICKUP_P50_MS_AIM,
    },
  ];
}

/** The aim that a backlog does not slow the claim down. */
export function claimAims({ levels }: ClaimFigures): Aim[] {
  const [first] = levels;
  const last = levels.at(-1);
  if (first === undefined || last === undefined) return [];
  const ratio = last.claim.p50 / first.claim.p50;
  const name = (frames: number) => frames.toLocaleString("en");
  return [
    {
      what: `claim with ${name(last.queuedFrames)} queued against ${name(first.queuedFrames)}, p50`,
      aim: `under ${CLAIM_RATIO_AIM} times`,
      figure: `${ratio.toFixed(2)} times`,
      met: ratio < CLAIM_RATIO_AIM,
    },
  ];
}

/** The aim of memory, for each size of jobs. */
export function memoryAims({ rows }: MemoryFigures): Aim[] {
  return rows.map(({ framesPerJob, bytesPerFrame }) => ({
    what: `Redis a queued frame, jobs of ${framesPerJob.toLocaleString("en")}`,
    aim: `under ${FRAME_BYTES_AIM} bytes`,
    figure: `${bytesPerFrame.toFixed(0)} bytes`,
    met: bytesPerFrame < FRAME_BYTES_AIM,
  }));
}

/** The aim of the farm's own cost, for each length of a picture and for a full worker. */
export function overheadAims({ pictures, full }: ShareFigures): Aim[] {
  const rows = [
    ...pictures.map(({ figures, share }) => ({
      what: `own cost of a picture that takes ${(figures.bareMs.median / 1_000).toFixed(2)} s alone`,
      share,
    })),
    { what: `own cost with a full worker, ${full.bareMs.median.toFixed(0)} ms a picture`, share: full.share },
  ];
  return rows.map(({ what, share }) => ({
    what,
    aim: `under ${(100 * OVERHEAD_SHARE_AIM).toFixed(0)}%`,
    figure: `${(100 * share).toFixed(1)}%`,
    met: share < OVERHEAD_SHARE_AIM,
  }));
}

/** Aims and figures side by side, for people. */
export function formatAims(aims: readonly Aim[]): string {
  return formatTable(
    ["what", "aim", "measured", "met"],
    aims.map(({ what, aim, figure, met }) => [what, aim, figure, met ? "yes" : "no"]),
  );
}
