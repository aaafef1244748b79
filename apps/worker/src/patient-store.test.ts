import { FarmError } from "@latentfarm/contract";
import type { ObjectStore } from "@latentfarm/storage";
import { describe, expect, it } from "vitest";
import { createPatientStore, STORE_AWAY_MS_MAX } from "./patient-store.js";

const AWAY = new FarmError("store_unavailable", "Cannot write");
const INFO = { contentType: "text/plain", metadata: {} };

/** A patient store over one that throws the given failures before it works, with a clock that sleeping moves. */
function setUp(failures: Iterable<unknown>) {
  const left = failures[Symbol.iterator]();
  const waits: number[] = [];
  const logged: string[] = [];
  const abort = new AbortController();
  let nowMs = 0;
  let kept = 0;
  const call = async () => {
    const failure = left.next();
    if (!failure.done) throw failure.value;
    kept++;
  };
  const store: ObjectStore = {
    put: call,
    delete: call,
    get: () => call().then(() => undefined),
    head: () => call().then(() => undefined),
    list: async function* () {},
    sign: async () => undefined,
    identify: () => call().then(() => ({ id: "", place: "" })),
  };
  const log = (_fields: object, message = ""): void => void logged.push(message);
  const patient = createPatientStore(store, {
    signal: abort.signal,
    log: { info: log, warn: log } as never, // of pino's many overloads only this form is called
    place: {},
    nowMs: () => nowMs,
    sleep: async (ms) => {
      waits.push(ms);
      nowMs += ms;
    },
  });
  return { patient, waits, logged, abort, kept: () => kept };
}

describe("createPatientStore()", () => {
  it("put() is repeated, ever more slowly, until the store is back, and told once", async () => {
    const { patient, waits, logged, kept } = setUp(Array(7).fill(AWAY));
    await patient.put("a", new Uint8Array(1), INFO);
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    expect(logged).toEqual(["store is away, frame waits for it", "store answers again"]);
    expect(kept()).toBe(1);
  });

  it("put() gives the frame back when the store stays away", async () => {
    const { patient, waits } = setUp(forEver());
    const put = patient.put("a", new Uint8Array(1), INFO);
    await expect(put).rejects.toMatchObject({ code: "interrupted", cause: AWAY });
    const waited = waits.reduce((sum, ms) => sum + ms, 0);
    expect(waited).toBeGreaterThanOrEqual(STORE_AWAY_MS_MAX);
    expect(waited).toBeLessThan(STORE_AWAY_MS_MAX + 15_000);
  });

  it("get() ends with the reason of a signal that aborts", async () => {
    const { patient, abort } = setUp(forEver());
    const reason = new FarmError("canceled", "Cannot go on");
    abort.abort(reason);
    await expect(patient.get("a")).rejects.toBe(reason);
  });

  it("head() does not repeat another failure", async () => {
    const bug = new RangeError("Cannot use the key");
    const { patient, waits } = setUp([bug]);
    await expect(patient.head("..")).rejects.toBe(bug);
    expect(waits).toEqual([]);
  });
});

function* forEver() {
  while (true) yield AWAY;
}
