import { describeMachine } from "./measure/machine.js";
import type { Interval } from "./measure/paired.js";
import { readOptions } from "./measure/read-options.js";
import { formatTable, publish } from "./measure/report.js";
import { measureScrapes, SCRAPE_SECONDS } from "./telemetry/measure-scrapes.js";
import { measureTurns, type TurnFigures, type TurnPlan } from "./telemetry/measure-turns.js";
import { judgeShare, SHARE_AIM, type Verdict } from "./telemetry/verdict.js";

/** Steps of a frame, as the demo model has them by default. */
const STEPS = 20;
/** The shortest frame that there is, so that the share is the largest, and one of the size of a small picture. */
const PLANS: readonly TurnPlan[] = [
  { side: 64, steps: STEPS, blockFrames: 2, seconds: 110 },
  { side: 192, steps: STEPS, blockFrames: 1, seconds: 80 },
];
const MS_PER_SECOND = 1_000;

/** `./farm bench telemetry`: what metrics and traces cost a frame, on against off. */
const options = readOptions();
const machine = describeMachine();
const scrapeMs = await measureScrapes();
const scrapeShare = scrapeMs.median / (SCRAPE_SECONDS * MS_PER_SECOND);
const sizes: TurnFigures[] = [];
for (const plan of PLANS) sizes.push(await measureTurns(plan));
const verdicts = sizes.map((size) => ({
  side: size.side,
  metrics: judgeShare(size.metrics.processor, scrapeShare),
  traces: judgeShare(size.traces.processor, scrapeShare),
}));

const percent = (part: number) => `${(100 * part).toFixed(2)}%`;
const told = ({ mean, low, high }: Interval) => `${percent(mean)} (${percent(low)} to ${percent(high)})`;

function rowsOf(size: TurnFigures): string[][] {
  const { side, timed } = size;
  // Other work on the cores stretches the wall, and would shrink the share.
  const frameMs = Math.min(size.offWallMs, size.offProcessorMs);
  const metricsMs = timed.sentMs + timed.batchesMs + timed.endMs;
  const row = (kind: "metrics" | "traces", name: string, timedMs: number) => [
    `${side}x${side}, ${name}`,
    told(size[kind].processor),
    told(size[kind].wall),
    `${timedMs.toFixed(2)} ms, ${percent(timedMs / frameMs)}`,
    verdicts.find((verdict) => verdict.side === side)?.[kind] ?? "",
  ];
  return [
    row("metrics", "metrics", metricsMs),
    row("traces", "metrics and traces", metricsMs + timed.spansMs),
  ];
}

const frames = sizes.map(
  ({ side, offProcessorMs, offWallMs, metrics, blockFrames, messages }) =>
    `${side}x${side}: ${offProcessorMs.toFixed(1)} ms of processor time, ${offWallMs.toFixed(1)} ms on the wall while all is off; ${metrics.processor.count} turns of three blocks of ${blockFrames}; ${messages.toFixed(1)} messages with step batches a frame.`,
);
const conclusions = verdicts.map(
  ({ side, metrics, traces }) =>
    `At ${side}x${side} the aim is ${say(metrics)} by metrics and ${say(traces)} by metrics and traces.`,
);

function say(verdict: Verdict): string {
  return verdict === "not told apart" ? "neither seen to be met nor to be missed" : verdict;
}

await publish(
  {
    name: "telemetry",
    command: "./farm bench telemetry",
    machine,
    figures: { sizes, scrapeMs, scrapeShare, verdicts, aim: SHARE_AIM },
    markdown: [
      `Frames of the demo model, ${STEPS} steps, drawn by a real engine process; nothing, metrics, and metrics and traces in turns within it. On less off, as a share of off: the mean without the tenth at either end, and its 95% interval.`,
      formatTable(
        [
          "telemetry of a frame",
          "processor time",
          "wall",
          "calls timed in the frame",
          `under ${percent(SHARE_AIM)}`,
        ],
        sizes.flatMap(rowsOf),
      ),
      frames.join("\n"),
      `Judged by processor time of worker and engine, all threads, to which the scrapes are added: one of gateway, worker and courier takes ${scrapeMs.median.toFixed(2)} ms every ${SCRAPE_SECONDS} s, ${percent(scrapeShare)} of a core. What gateway and courier tell of a frame is told by the worker here.`,
      conclusions.join(" "),
    ].join("\n\n"),
  },
  options,
);
if (verdicts.some(({ metrics, traces }) => metrics !== "met" || traces !== "met")) process.exitCode = 1;
