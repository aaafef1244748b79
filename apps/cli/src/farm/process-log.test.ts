import { mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createProcessLog } from "./process-log.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "latentfarm-log-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it("tail() shows the last lines of the present life, and none of an earlier one's", () => {
  const live = (text: string) => {
    const log = createProcessLog(join(dir, "logs", "worker-1.log"));
    expect(log.tail()).toBe("");
    const descriptor = log.open();
    writeSync(descriptor, text);
    log.close(descriptor);
    return log.tail();
  };
  expect(live("Cannot find the model\n")).toBe("Cannot find the model");
  expect(live("Cannot read the key\n")).toBe("Cannot read the key");
  const lines = Array.from({ length: 30 }, (_, at) => `line ${at} ä`);
  expect(live(lines.join("\n")).split("\n")).toEqual(lines.slice(-20));
});
