import { FarmError } from "@latentfarm/contract";
import { expect, it } from "vitest";
import type { ObjectStore } from "./object-store.js";
import { createTimedStore, type StoreCall } from "./timed-store.js";

it("createTimedStore() tells each call once with its outcome, and changes no result", async () => {
  const away = new FarmError("store_unavailable", "Cannot write");
  const store: ObjectStore = {
    put: async () => {
      throw away;
    },
    get: async () => undefined,
    head: async () => ({ contentType: "image/png", metadata: {}, size: 1, sha256: "" }),
    delete: async () => {
      throw new RangeError("malformed");
    },
    identify: async () => ({ id: "s", place: "here" }),
    async *list() {},
    sign: async () => ({ url: "https://signed.example", expiresMs: 1 }),
  };
  const calls: StoreCall[] = [];
  const timed = createTimedStore(store, (call) => void calls.push(call));
  await expect(timed.put("k", new Uint8Array(), { contentType: "", metadata: {} })).rejects.toBe(away);
  expect(await timed.get("k")).toBeUndefined();
  expect((await timed.head("k"))?.size).toBe(1);
  await expect(timed.delete("k")).rejects.toThrow("malformed");
  expect((await timed.identify()).id).toBe("s");
  expect((await timed.sign("k", { disposition: "inline" }))?.expiresMs).toBe(1);
  expect(calls.map(({ operation, outcome }) => `${operation} ${outcome}`)).toEqual([
    "put unavailable",
    "get ok",
    "head ok",
    "delete failed",
    "identify ok",
  ]);
  expect(calls.every(({ durationMs }) => durationMs >= 0)).toBe(true);
});
