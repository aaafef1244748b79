import { FarmError } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { createLogger, type LogLevel } from "./logger.js";

function capture(level: LogLevel = "info") {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (text: string) => void lines.push(JSON.parse(text)) };
  return { lines, log: createLogger({ name: "worker", level, destination }) };
}

describe("createLogger()", () => {
  it("writes fields, a level in words, a time and the sentence", () => {
    const { lines, log } = capture();
    log.info({ jobId: "job_1", durationMs: 5 }, "frame finished");
    expect(lines).toEqual([
      expect.objectContaining({ level: "info", name: "worker", jobId: "job_1", msg: "frame finished" }),
    ]);
    expect(Date.parse(String(lines[0]?.time))).toBeGreaterThan(0);
  });

  it("leaves the fields of the work at hand as they are, frozen ones of a process without traces too", () => {
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (text: string) => void lines.push(JSON.parse(text)) };
    const fields = Object.freeze({ trace_id: "1" });
    const log = createLogger({ name: "worker", level: "info", destination, fields: () => fields });
    log.info({ jobId: "job_1" }, "frame finished");
    expect(lines).toEqual([expect.objectContaining({ trace_id: "1", jobId: "job_1" })]);
    expect(fields).toEqual({ trace_id: "1" });
  });

  it("keeps lines below its level out", () => {
    const { lines, log } = capture("warn");
    log.info({}, "frame finished");
    log.warn({}, "frame lost");
    expect(lines.map((line) => line.msg)).toEqual(["frame lost"]);
  });

  it("masks prompts and secrets down to three levels", () => {
    const { lines, log } = capture();
    const field = { prompt: "a cat", negative_prompt: "a dog", password: "x" };
    log.info({ ...field, params: field, job: { params: field } }, "job taken");
    expect(JSON.stringify(lines)).not.toMatch(/a cat|a dog|"x"/);
    expect(lines[0]).toMatchObject({ prompt: "[hidden]", job: { params: { prompt: "[hidden]" } } });
  });

  it("writes an error's code and cause", () => {
    const { lines, log } = capture();
    const cause = Object.assign(new Error("disk full"), { code: "ENOSPC" });
    const error = new FarmError("store_unavailable", "Cannot write", { cause });
    log.error({ err: error }, "frame not stored");
    expect(lines[0]?.err).toMatchObject({
      code: "store_unavailable",
      message: expect.stringContaining("Cannot write"),
    });
    expect(lines[0]?.err).toMatchObject({ cause: { code: "ENOSPC" } });
  });
});
