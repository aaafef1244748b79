import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type KeptCaps, openCaps } from "./kept-caps.js";
import { tablePath } from "./table-file.js";

let dir = "";
const warnings: string[] = [];
const place = (model = "postcards") => ({
  dir,
  owner: { device: "cpu", model },
  warn: (text: string) => void warnings.push(text),
});

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "farm-caps-"));
  warnings.length = 0;
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Runs calls of one class that gain by sharing. */
function learn({ caps, afterBatch }: KeptCaps, calls = 60): void {
  for (let call = 0; call < calls; call += 1) {
    const { rowsMax } = caps.limits("shape", 64);
    caps.observe("shape", { rows: rowsMax, durationMs: 10 });
    afterBatch();
  }
}

describe("openCaps()", () => {
  test("goes on with what another process learnt", async () => {
    const first = await openCaps({ rowsMax: 16 }, place());
    expect(first.caps.limits("shape", 64).rowsMax).toBe(1);
    learn(first);
    await first.close();
    const second = await openCaps({ rowsMax: 16 }, place());
    expect(second.caps.limits("shape", 64).rowsMax).toBe(16);
    expect(warnings).toEqual([]);
    expect(await readdir(dir)).toHaveLength(1);
  });

  test("keeps models apart", async () => {
    const first = await openCaps({ rowsMax: 16 }, place());
    learn(first);
    await first.close();
    const other = await openCaps({ rowsMax: 16 }, place("other"));
    expect(other.caps.limits("shape", 64).rowsMax).toBe(1);
  });

  test.each(["not JSON", '{"format":"latentfarm-batch-caps","version":99}'])(
    "learns anew from a wrong file and says so: %s",
    async (text) => {
      await writeFile(tablePath(place()), text);
      const { caps } = await openCaps({ rowsMax: 16 }, place());
      expect(caps.limits("shape", 64).rowsMax).toBe(1);
      expect(warnings).toEqual([expect.stringContaining("batch caps are learnt anew")]);
    },
  );

  test("goes on and says so once when it cannot save", async () => {
    await writeFile(join(dir, "file"), "");
    const kept = await openCaps({ rowsMax: 16 }, { ...place(), dir: join(dir, "file") });
    learn(kept);
    await kept.close();
    expect(warnings.filter((text) => text.includes("batch caps cannot be saved"))).toHaveLength(1);
  });

  test("learns without a place as well, and lowers a class that ran out of memory", async () => {
    const kept = await openCaps({ rowsMax: 16 });
    learn(kept);
    kept.caps.outOfMemory("shape", 16);
    expect(kept.caps.limits("shape", 64)).toEqual({ rowsMax: 8, rowsFit: 15 });
    await kept.close();
  });
});
