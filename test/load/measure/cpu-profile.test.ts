import { expect, test } from "vitest";
import { summarizeProfile } from "./cpu-profile.js";

test("summarizeProfile() gives self times by function and package, without the idle time", () => {
  const frame = (functionName: string, url = "", lineNumber = 0) => ({ functionName, url, lineNumber });
  const summary = summarizeProfile({
    nodes: [
      { id: 1, callFrame: frame("(idle)") },
      { id: 2, callFrame: frame("parse", "file:///farm/node_modules/zod/v4/core.js", 9) },
      { id: 3, callFrame: frame("", "file:///farm/apps/gateway/dist/app.js") },
      { id: 4, callFrame: frame("(garbage collector)") },
      { id: 5, callFrame: frame("writev") },
    ],
    samples: [1, 2, 2, 3, 4, 5],
    timeDeltas: [5_000, 1_000, 1_000, 1_000, 500, 500],
  });
  expect(summary.busyMs).toBe(4);
  expect(summary.functions[0]).toEqual({ name: "parse [zod] v4/core.js:10", share: 0.5 });
  expect(summary.functions[1]).toEqual({ name: "(anonymous) [gateway] dist/app.js:1", share: 0.25 });
  expect(summary.packages.map(({ name }) => name)).toEqual([
    "zod",
    "gateway",
    "(garbage collector)",
    "native",
  ]);
});
