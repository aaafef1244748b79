import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openTracing } from "./otel-tracing.js";
import { createSpanQueue } from "./span-queue.js";

const QUEUE_MAX = 8;
const PAGE = 4;

/** A queue of 8 spans to a collector that takes a page whenever it is told to. */
function openSlow() {
  vi.stubEnv("OTEL_BSP_MAX_QUEUE_SIZE", String(QUEUE_MAX));
  vi.stubEnv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", String(PAGE));
  vi.stubEnv("OTEL_BSP_SCHEDULE_DELAY", "1");
  const pages: { spans: number; done: (result: ExportResult) => void }[] = [];
  const told = { lost: 0, back: 0 };
  const queue = createSpanQueue({
    export: (spans: ReadableSpan[], done) => void pages.push({ spans: spans.length, done }),
    shutdown: async () => undefined,
    abandon: () => undefined,
    tellOutages: () => undefined,
    tellLost: (spans) => {
      told.lost += spans;
    },
    tellBack: () => {
      told.back += 1;
    },
  });
  const tracing = openTracing({ process: "worker", instance: "w" }, { processor: queue });
  const make = (count: number) => {
    for (let i = 0; i < count; i++) tracing.start("request").end();
  };
  /** Lets the collector take pages until none comes; gives how many spans it got. */
  const take = async () => {
    let spans = 0;
    for (let at = 0; ; at++) {
      await vi
        .waitFor(() => expect(pages.length).toBeGreaterThan(at), { timeout: 200 })
        .catch(() => undefined);
      const page = pages[at];
      if (page === undefined) return spans;
      spans += page.spans;
      page.done({ code: ExportResultCode.SUCCESS });
    }
  };
  return { told, make, take };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("createSpanQueue()", () => {
  it("tells exactly the spans that find it full, and that it has been empty again", async () => {
    const { told, make, take } = openSlow();
    make(30);
    const taken = await take();
    expect(told.lost).toBeGreaterThan(0);
    expect(taken + told.lost).toBe(30);
    expect(told.back).toBe(1);
  });

  it("tells nothing of a queue that is full to its last place", async () => {
    const { told, make, take } = openSlow();
    make(QUEUE_MAX);
    expect([await take(), told.lost]).toEqual([QUEUE_MAX, 0]);
  });
});
