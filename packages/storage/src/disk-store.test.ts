import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJobId } from "@latentfarm/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDiskStore } from "./disk-store.js";
import { readSidecar, writeSidecar } from "./job-sidecar.js";
import { frameKey, jobKey } from "./keys.js";
import { STORE_CASES } from "./testing/conformance.js";
import { jobRecord } from "./testing/job-record.js";

const JOB = createJobId({ nowMs: 0, random: new Uint8Array(10) });
const TEXT = { contentType: "text/plain", metadata: {} };

const RECORD = jobRecord({ id: JOB });

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "latentfarm-store-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe("readSidecar()", () => {
  it("readSidecar() gives what writeSidecar() wrote, and refuses what is no job", async () => {
    const store = createDiskStore(root);
    expect(await readSidecar(store, JOB)).toBeUndefined();
    await writeSidecar(store, RECORD);
    expect(await readSidecar(store, JOB)).toEqual(RECORD);
    for (const damaged of ["{", "{}"]) {
      await store.put(jobKey(JOB), Buffer.from(damaged), TEXT);
      await expect(readSidecar(store, JOB)).rejects.toMatchObject({ code: "file_invalid" });
    }
  });
});

describe("createDiskStore()", () => {
  it.each(STORE_CASES)("$name", ({ check }) => check(createDiskStore(join(root, "data"))));

  it("put() leaves a plain file under the key and no temporary file", async () => {
    await createDiskStore(root).put(frameKey(JOB, 3, "jpeg"), Buffer.from("abc"), TEXT);
    expect(await readFile(join(root, "jobs", JOB, "3.jpg"), "utf8")).toBe("abc");
    expect(await readdir(join(root, ".tmp"))).toEqual([]);
  });

  it("identify() tells another folder apart, and the same folder by another store not", async () => {
    const [one, two] = [join(root, "one"), join(root, "two")];
    const { id, place } = await createDiskStore(one).identify();
    expect(place).toContain(one);
    expect((await createDiskStore(one).identify()).id).toBe(id);
    expect((await createDiskStore(two).identify()).id).not.toBe(id);
    expect(await readdir(join(one, ".tmp"))).toEqual([]);
  });

  it("put() and identify() end where no folder can be made", async () => {
    const store = createDiskStore("/proc/latentfarm/a/b");
    await expect(store.identify()).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(store.put("a", Buffer.from("x"), TEXT)).rejects.toMatchObject({ code: "store_unavailable" });
  });

  it("get() of another store on the same folder finds the object", async () => {
    await createDiskStore(root).put(jobKey(JOB), Buffer.from("{}"), TEXT);
    expect((await createDiskStore(root).get(jobKey(JOB)))?.size).toBe(2);
  });

  it("get() gives undefined for damaged bytes and for a file that no put wrote", async () => {
    const store = createDiskStore(root);
    await store.put("a/b", Buffer.from("abc"), TEXT);
    await writeFile(join(root, "a", "b"), "abd");
    expect(await store.get("a/b")).toBeUndefined();
    await writeFile(join(root, "foreign"), "x");
    expect(await store.head("foreign")).toBeUndefined();
    expect(await store.get("a")).toBeUndefined();
  });

  it("get() gives undefined when the description is damaged", async () => {
    const store = createDiskStore(root);
    await store.put("a", Buffer.from("abc"), TEXT);
    const [name = ""] = await readdir(join(root, ".info", "a"));
    await writeFile(join(root, ".info", "a", name), "{");
    expect(await store.get("a")).toBeUndefined();
  });

  it("put() of a failing disk is store_unavailable and leaves the old object", async () => {
    const store = createDiskStore(root);
    await store.put("a/b", Buffer.from("abc"), TEXT);
    await rm(join(root, ".tmp"), { recursive: true });
    await writeFile(join(root, ".tmp"), "a file in the folder's place");
    await expect(store.put("a/b", Buffer.from("new"), TEXT)).rejects.toMatchObject({
      code: "store_unavailable",
    });
    expect(Buffer.from((await store.get("a/b"))?.bytes ?? []).toString()).toBe("abc");
  });

  it("put() where the key is a folder is store_unavailable", async () => {
    await mkdir(join(root, "a"));
    const store = createDiskStore(root);
    await expect(store.put("a", Buffer.from("x"), TEXT)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await readdir(join(root, ".tmp"))).toEqual([]);
  });
});
