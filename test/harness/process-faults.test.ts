import { describe, expect, it } from "vitest";
import { type FaultyWorld, injectInto, type ProcessFault } from "./process-faults.js";

function newWorld() {
  const renamed: string[] = [];
  const world: FaultyWorld = {
    fs: { rename: async (from) => void renamed.push(String(from)) },
    globals: { Date },
    onChange: () => undefined,
  };
  const inject = injectInto(world);
  return {
    world,
    renamed,
    inject: (fault: Omit<ProcessFault, "type">) => inject({ type: "fault", ...fault }),
  };
}

describe("injectInto()", () => {
  it("changes nothing until told", async () => {
    const { world, renamed } = newWorld();
    await world.fs.rename("a", "b");
    expect(renamed).toEqual(["a"]);
    expect(Math.abs(world.globals.Date.now() - Date.now())).toBeLessThan(1_000);
  });

  it("moves the clock, for Date.now() and new Date() alike", () => {
    const { world, inject } = newWorld();
    inject({ clockOffsetMs: 3_600_000 });
    expect(world.globals.Date.now() - Date.now()).toBeGreaterThan(3_599_000);
    expect(new world.globals.Date().getTime() - Date.now()).toBeGreaterThan(3_599_000);
    expect(new world.globals.Date(5).getTime()).toBe(5);
    expect(new world.globals.Date()).toBeInstanceOf(Date);
    expect(world.globals.Date.parse("1970-01-01T00:00:00.007Z")).toBe(7);
  });

  it("refuses a write, or does it and reports a failure", async () => {
    const { world, renamed, inject } = newWorld();
    inject({ store: "full" });
    await expect(world.fs.rename("a", "b")).rejects.toMatchObject({ code: "ENOSPC" });
    inject({ store: "broken" });
    await expect(world.fs.rename("b", "b")).rejects.toMatchObject({ code: "EIO" });
    expect(renamed).toEqual([]);
    inject({ store: "lies" });
    await expect(world.fs.rename("c", "b")).rejects.toMatchObject({ code: "EIO" });
    expect(renamed).toEqual(["c"]);
    inject({ store: "none" });
    await world.fs.rename("d", "b");
    expect(renamed).toEqual(["c", "d"]);
  });
});
