import { describeMachine } from "./measure/machine.js";
import { readOptions } from "./measure/read-options.js";
import { formatTable, megabytes, publish } from "./measure/report.js";
import type { Summary } from "./measure/summary.js";
import { LINE_BYTES_PER_SECOND, measurePull } from "./models/measure-pull.js";

const MIB_DEFAULT = 1024;
const TURNS_DEFAULT = 3;
/** The FP8 set of SD3.5 Large. */
const MODEL_BYTES = 14.8e9;
const BYTES_PER_MB = 1e6;

/** `./farm bench models [--mib N] [--turns N] [--dir DIR]`: a pull from an S3 server of this machine against one plain GET. */
const options = readOptions({ names: ["mib", "turns", "dir"] });
const machine = describeMachine();
const { mib = MIB_DEFAULT, turns = TURNS_DEFAULT, dir } = options.own;
const figures = await measurePull({ mib: Number(mib), turns: Number(turns), dir });
const { plainGet } = figures;

const cells = ({ median, low, high }: Summary, digits = 0) =>
  [median, low, high].map((value) => value.toFixed(digits));
const ratio = ({ median }: Summary) => (median / plainGet.median).toFixed(2);

await publish(
  {
    name: "models",
    command: `./farm bench models --mib ${mib} --turns ${turns}`,
    machine,
    figures,
    markdown: [
      `A file of ${megabytes(figures.bytes)}, from versitygw on the same machine and cores, over loopback, to a file on the disk; all ways in turns.`,
      formatTable(
        ["MB/s", "median", "first decile", "ninth decile", "to one GET", "memory above the start"],
        [
          ["one GET, unchecked", ...cells(figures.plainGet), "1.00", ""],
          ["one GET, then its hash", ...cells(figures.plainGetAndHash), ratio(figures.plainGetAndHash), ""],
          ...figures.pulls.map(({ connections, speed, rssPeakBytes }) => [
            `pull, checked, ${connections} connections`,
            ...cells(speed),
            ratio(speed),
            megabytes(rssPeakBytes),
          ]),
          ["hash alone (models verify)", ...cells(figures.hash), ratio(figures.hash), ""],
        ],
      ),
      `Hashing the ${megabytes(MODEL_BYTES)} of SD3.5 Large takes ${(MODEL_BYTES / BYTES_PER_MB / figures.hash.median).toFixed(0)} s at that speed. A pull that finds the model there takes ${figures.presentMs.median.toFixed(0)} ms.`,
      `Loopback has no distance, so that more connections win nothing there. Over a network one connection is bounded: S3 gives some 90 MB/s to each. On a line that gives each ${megabytes(LINE_BYTES_PER_SECOND)}/s:`,
      formatTable(
        ["connections", "MB/s, checked"],
        figures.line.map(({ connections, megabytesPerSecond }) => [
          connections,
          megabytesPerSecond.toFixed(0),
        ]),
      ),
    ].join("\n\n"),
  },
  options,
);
