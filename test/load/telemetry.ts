import { describeMachine } from "./measure/machine.js";
import { readOptions } from "./measure/read-options.js";
import { formatTable, publish } from "./measure/report.js";
import { measureCalls, SCRAPE_SECONDS } from "./telemetry/measure-calls.js";
import { measureSpans } from "./telemetry/measure-spans.js";
import { measureTurns } from "./telemetry/measure-turns.js";

/** Steps of a frame, as the demo model has them by default. */
const STEPS = 20;
/** The share of a frame's time that all telemetry may take. */
const SHARE_AIM = 0.01;
const MS_PER_SECOND = 1_000;

/** `./farm bench telemetry`: what metrics and traces cost a frame, on against off. */
const options = readOptions();
const machine = describeMachine();
const calls = await measureCalls(STEPS);
const spans = await measureSpans();
const turns = await measureTurns(STEPS);

const callShare = calls.frameMs.median / turns.offMs.median;
const scrapeShare = calls.scrapeMs.median / (SCRAPE_SECONDS * MS_PER_SECOND);
// The pauses between frames cost time too, with and without.
const spanShare = (spans.onMs.median - spans.offMs.median) / turns.offMs.median;
const share = callShare + scrapeShare + spanShare;
const percent = (part: number) => `${(100 * part).toFixed(3)}%`;
const shareOf = ({ median, low, high }: { median: number; low: number; high: number }) =>
  `${percent(median)} in the median (deciles ${percent(low)} to ${percent(high)})`;
const cells = ({ median, low, high }: { median: number; low: number; high: number }, digits: number) =>
  [median, low, high].map((value) => value.toFixed(digits));

await publish(
  {
    name: "telemetry",
    command: "./farm bench telemetry",
    machine,
    figures: { calls, spans, turns, callShare, scrapeShare, spanShare, share, aim: SHARE_AIM },
    markdown: [
      `A frame of the demo model, 64x64, ${STEPS} steps: the shortest frame that there is, so the largest share.`,
      formatTable(
        ["milliseconds", "median", "first decile", "ninth decile"],
        [
          ["calls of a frame, all processes", ...cells(calls.frameMs, 4)],
          ["a scrape of gateway, worker and courier", ...cells(calls.scrapeMs, 3)],
          ["a pause and the spans of a frame, all processes, made and sent", ...cells(spans.onMs, 4)],
          ["a pause and the same calls while traces are off", ...cells(spans.offMs, 4)],
          ["processor time of a frame, all off", ...cells(turns.offMs, 1)],
          ["processor time of a frame, metrics", ...cells(turns.metricsMs, 1)],
          ["processor time of a frame, metrics and traces", ...cells(turns.tracesMs, 1)],
        ],
      ),
      `Metrics' calls take ${percent(callShare)} of a frame, scrapes every ${SCRAPE_SECONDS} s ${percent(scrapeShare)} of one core, spans ${percent(spanShare)}: ${percent(share)} together; the aim is ${percent(SHARE_AIM)}, ${share < SHARE_AIM ? "met" : "missed"}.`,
      `On against off, ${turns.tracesShare.count} turns of three: metrics ${shareOf(turns.metricsShare)}, metrics and traces ${shareOf(turns.tracesShare)}. The deciles are what other work on the cores makes of it.`,
    ].join("\n\n"),
  },
  options,
);
if (share >= SHARE_AIM) process.exitCode = 1;
