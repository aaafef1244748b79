import { describeMachine } from "./measure/machine.js";
import { readOptions } from "./measure/read-options.js";
import { formatTable, publish } from "./measure/report.js";
import { measureCalls, SCRAPE_SECONDS } from "./telemetry/measure-calls.js";
import { measureTurns } from "./telemetry/measure-turns.js";

/** Steps of a frame, as the demo model has them by default. */
const STEPS = 20;
/** The share of a frame's time that all telemetry may take. */
const SHARE_AIM = 0.01;
const MS_PER_SECOND = 1_000;

/** `./farm bench telemetry`: what metrics cost a frame, on against off. */
const options = readOptions();
const machine = describeMachine();
const calls = await measureCalls(STEPS);
const turns = await measureTurns(STEPS);

const callShare = calls.frameMs.median / turns.offMs.median;
const scrapeShare = calls.scrapeMs.median / (SCRAPE_SECONDS * MS_PER_SECOND);
const share = callShare + scrapeShare;
const percent = (part: number) => `${(100 * part).toFixed(3)}%`;
const cells = ({ median, low, high }: { median: number; low: number; high: number }, digits: number) =>
  [median, low, high].map((value) => value.toFixed(digits));

await publish(
  {
    name: "telemetry",
    command: "./farm bench telemetry",
    machine,
    figures: { calls, turns, callShare, scrapeShare, share, aim: SHARE_AIM },
    markdown: [
      `A frame of the demo model, 64x64, ${STEPS} steps: the shortest frame that there is, so the largest share.`,
      formatTable(
        ["milliseconds", "median", "first decile", "ninth decile"],
        [
          ["calls of a frame, all processes", ...cells(calls.frameMs, 4)],
          ["a scrape of gateway, worker and courier", ...cells(calls.scrapeMs, 3)],
          ["processor time of a frame, metrics off", ...cells(turns.offMs, 1)],
          ["processor time of a frame, metrics on", ...cells(turns.onMs, 1)],
        ],
      ),
      `Calls take ${percent(callShare)} of a frame, scrapes every ${SCRAPE_SECONDS} s ${percent(scrapeShare)} of one core: ${percent(share)} together; the aim is ${percent(SHARE_AIM)}, ${share < SHARE_AIM ? "met" : "missed"}.`,
      `On against off, ${turns.share.count} pairs in turns: ${percent(turns.share.median)} in the median (deciles ${percent(turns.share.low)} to ${percent(turns.share.high)}), which is what other work on the cores makes of it.`,
    ].join("\n\n"),
  },
  options,
);
if (share >= SHARE_AIM) process.exitCode = 1;
