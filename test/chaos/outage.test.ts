import { describe, it } from "vitest";
import { expectOutages, type Outage } from "./outage/expect-outages.js";

/** Farms of their own side by side, since one in a long outage would hold the others up; each waits more than it works. */
const FARMS: readonly (readonly Outage[])[] = [
  [
    { kind: "killed", seconds: 3 },
    { kind: "frozen", seconds: 3 },
    { kind: "killed", seconds: 8 },
    { kind: "frozen", seconds: 8 },
  ],
  [
    { kind: "killed", seconds: 30 },
    { kind: "frozen", seconds: 30 },
  ],
  [{ kind: "killed", seconds: 75 }],
];
/** The outages of one farm, and the starts of all on cores that they share. */
const TIMEOUT_MS = 240_000;

describe.concurrent("after an outage of Redis every worker fetches again, and the gateway said 503 meanwhile", () => {
  it.each(FARMS)(
    "%j %j %j %j",
    async (...outages) => {
      await expectOutages(outages.filter((outage) => outage !== undefined));
    },
    TIMEOUT_MS,
  );
});
