import { describe, expect, test } from "vitest";
import { startHttp } from "../testing/receivers.js";
import { exchange } from "./exchange.js";

const post = (url: string, address: string) =>
  exchange({
    url: new URL(url),
    addresses: [{ address, family: "ipv4" }],
    headers: {},
    body: "{}",
    connectTimeoutMs: 1_000,
    signal: new AbortController().signal,
  });

describe("exchange()", () => {
  test("exchange() sends nothing when the socket's far end is not one of the addresses", async () => {
    let requests = 0;
    await using receiver = await startHttp((_request, response) => {
      requests += 1;
      response.end();
    });
    // An address in the URL is connected to without a lookup: here it differs from what was checked.
    const reply = await post(`http://127.0.0.1:${receiver.port}/`, "127.0.0.9");
    expect(reply).toMatchObject({ ok: false, code: "address_refused" });
    expect([receiver.connections(), requests]).toEqual([1, 0]);
  });

  test("exchange() asks no name server: the lookup's answer is what was checked", async () => {
    await using receiver = await startHttp((_request, response) => response.end());
    const reply = await post(`http://name-without-any-record.invalid:${receiver.port}/`, "127.0.0.1");
    expect(reply).toMatchObject({ ok: true, status: 200 });
  });
});
