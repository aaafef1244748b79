import { PassThrough } from "node:stream";
import { FarmError } from "@latentfarm/contract";
import { expect, it } from "vitest";
import type { Terminal } from "../terminal.js";
import { createPullReport } from "./pull-report.js";

const GB = 1e9;

function fakeTerminal(interactive: boolean) {
  const lines: string[] = [];
  // The bar draws on nothing else.
  const progress = Object.assign(new PassThrough(), { isTTY: interactive, columns: 200 });
  let drawn = "";
  progress.on("data", (chunk: Buffer) => {
    drawn += chunk.toString();
  });
  const err = (line: string) => void lines.push(line);
  const terminal: Terminal = { out: err, err, progress, interactive };
  return { terminal, lines, drawn: () => drawn };
}

it("createPullReport() writes a line of JSON every five seconds where nothing can be drawn over", () => {
  const { terminal, lines, drawn } = fakeTerminal(false);
  let nowMs = 1_000_000;
  const report = createPullReport(terminal, () => nowMs);
  for (let second = 0; second <= 12; second++) {
    // Of what an earlier process has fetched, 5 GB, nothing counts as speed.
    report.onProgress(5 * GB + second * GB, 20 * GB);
    nowMs += 1_000;
  }
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { percent: 25, bytesPerSecond: 0, msg: "model is pulled" },
    { percent: 50, bytesPerSecond: GB, doneBytes: 10 * GB, totalBytes: 20 * GB },
    { percent: 75, bytesPerSecond: GB },
  ]);
  expect(drawn()).toBe("");
});

it("createPullReport() tells who waits how far the other one is, as often", () => {
  const { terminal, lines } = fakeTerminal(false);
  let nowMs = 1_000_000;
  const report = createPullReport(terminal, () => nowMs);
  for (let look = 0; look < 20; look++) {
    report.onWait({ doneBytes: look, totalBytes: 20 });
    nowMs += 500;
  }
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { doneBytes: 0, totalBytes: 20, msg: "another process pulls the model" },
    { doneBytes: 10 },
  ]);
});

it("createPullReport() draws a bar on a terminal, and words beside it", () => {
  const { terminal, lines, drawn } = fakeTerminal(true);
  const report = createPullReport(terminal, () => 0);
  report.onProgress(5 * GB, 20 * GB);
  report.onTrouble("big.safetensors", "Cannot read big.safetensors");
  report.onUnchecked(new FarmError("store_unavailable", "Cannot read SHA256SUMS"));
  report.onWait({ doneBytes: 10 * GB, totalBytes: 20 * GB });
  report.stop();
  expect(drawn()).toContain("25% | 5.00 GB of 20.0 GB | pulling");
  expect(drawn()).toContain("50% | 10.0 GB of 20.0 GB | another process pulls");
  expect(lines).toEqual([
    "big.safetensors: Cannot read big.safetensors",
    "the source is away, the model that lies here is taken: Cannot read SHA256SUMS",
  ]);
});
