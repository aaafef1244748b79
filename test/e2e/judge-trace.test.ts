import { describe, expect, it } from "vitest";
import type { ReceivedSpan } from "../harness/index.js";
import { findDeadLinks, findOddities, findOrphans, findStrayLines } from "./judge-trace.js";

const CLIENT = "c".repeat(16);

function span(spanId: string, other: Partial<ReceivedSpan> = {}): ReceivedSpan {
  const told = { name: spanId, kind: 1, startMs: 1, endMs: 2, attributes: {}, isError: false };
  const resource = { "service.instance.id": "w" };
  return { traceId: "t", spanId, parentId: CLIENT, links: [], resource, ...told, ...other };
}

describe("findOrphans()", () => {
  it("finds what hangs below a span that never came, and a ring", () => {
    const spans = [
      span("a"),
      span("b", { parentId: "a" }),
      span("lost", { parentId: "never" }),
      span("below", { parentId: "lost" }),
      span("x", { parentId: "y" }),
      span("y", { parentId: "x" }),
      span("root", { parentId: "" }),
    ];
    const found = findOrphans({ spans, clientSpan: CLIENT });
    expect(found).toEqual(["lost of w", "below of w", "x of w", "y of w", "root of w"]);
  });
});

describe("findDeadLinks()", () => {
  it("finds links to nothing, to another span or trace, and spans without links", () => {
    const spans = [
      span("r1", { name: "render" }),
      span("good", { links: [{ traceId: "t", spanId: "r1" }] }),
      span("bare"),
      span("gone", { links: [{ traceId: "t", spanId: "r2" }] }),
      span("wrong", { links: [{ traceId: "t", spanId: "bare" }] }),
      span("else", { links: [{ traceId: "u", spanId: "r1" }] }),
    ].map((one) => (one.name === "render" ? one : { ...one, name: "batch" }));
    expect(findDeadLinks(spans, "batch", "render")).toHaveLength(4);
  });
});

describe("findOddities()", () => {
  it("finds attributes that are not in the table and times that run backwards", () => {
    const spans = [
      span("a", { attributes: { "farm.job.id": "1" } }),
      span("b", { attributes: { prompt: "a cat" } }),
      span("c", { endMs: 0 }),
    ];
    expect(findOddities(spans)).toEqual(["b of w has prompt", "c of w ends before it begins"]);
  });
});

describe("findStrayLines()", () => {
  it("finds lines of the job with no trace, with another one, and with no span", () => {
    const [id, traceId, span_id] = ["job_1", "t", "a".repeat(16)];
    const lines = [
      { jobId: id, trace_id: traceId, span_id },
      { jobId: id },
      { jobId: id, trace_id: "u", span_id },
      { frame: `${id}-0`, trace_id: traceId },
      { jobId: "job_2" },
    ];
    const log = lines.map((line) => JSON.stringify(line)).join("\n");
    expect(findStrayLines(log, { id, traceId })).toEqual(
      lines.slice(1, 4).map((line) => JSON.stringify(line)),
    );
  });
});
