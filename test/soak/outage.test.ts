import { it } from "vitest";
import { expectOutages } from "../chaos/outage/expect-outages.js";

/** The outage, and a start and a recovery. */
const TIMEOUT_MS = 180_000;

it(
  "after 75 s of a frozen Redis every worker fetches again, and the gateway said 503 meanwhile",
  () => expectOutages([{ kind: "frozen", seconds: 75 }]),
  TIMEOUT_MS,
);
