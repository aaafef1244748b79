import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { describeOwner, isOwnerGone } from "./lock-owner.js";

/** The owner that another process of this machine calls itself. */
const named = (owner: string, pid: number): string => owner.replace(`:${process.pid}:`, `:${pid}:`);

describe.skipIf(process.platform !== "linux")("isOwnerGone()", () => {
  it("isOwnerGone() knows this process, one of another start, and one that has ended", async () => {
    const owner = await describeOwner();
    expect(await isOwnerGone(owner)).toBe(false);
    expect(await isOwnerGone(`${owner}0`)).toBe(true);
    const child = spawn("true");
    await once(child, "exit");
    expect(await isOwnerGone(named(owner, child.pid ?? 0))).toBe(true);
  });

  it("isOwnerGone() does not judge what is of another boot or namespace, or says nothing", async () => {
    const owner = await describeOwner();
    const ended = named(owner, 999_999_999);
    expect(await isOwnerGone(ended)).toBe(true);
    expect(await isOwnerGone(ended.replace(/\/\d+:/, "/1:"))).toBe(false);
    expect(await isOwnerGone(ended.replace("proc:", "proc:0"))).toBe(false);
    for (const text of ["", "pid:1", "released", "proc:a:b:c"]) expect(await isOwnerGone(text)).toBe(false);
  });
});
