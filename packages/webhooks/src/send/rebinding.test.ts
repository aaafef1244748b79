import { describe, expect, test } from "vitest";
import { createDnsResolver, type WebhookResolver } from "../address/dns-resolver.js";
import { LAPTOP_POLICY } from "../policy.js";
import { startNameServer } from "../testing/name-server.js";
import { startHttp } from "../testing/receivers.js";
import { type SendOptions, sendWebhook } from "./send-webhook.js";

const send = (port: number, resolver: WebhookResolver, over: Partial<SendOptions> = {}) =>
  sendWebhook({
    url: `http://hooks.example:${port}/`,
    headers: {},
    body: "{}",
    policy: LAPTOP_POLICY,
    signal: new AbortController().signal,
    resolver,
    ...over,
  });

/** Answers with the addresses of the first list to the first question of a family, of the second to the next, and so on. */
function changing(...lists: readonly string[][]) {
  const asked = { A: 0, AAAA: 0 };
  return (type: "A" | "AAAA"): readonly string[] => {
    const list = lists[Math.min(asked[type], lists.length - 1)] ?? [];
    asked[type] += 1;
    return list.filter((address) => address.includes(":") === (type === "AAAA"));
  };
}

describe("sendWebhook() and names that change their address", () => {
  test("sendWebhook() connects to the address that it checked, and asks once", async () => {
    await using checked = await startHttp((_request, response) => response.writeHead(200).end());
    await using other = await startHttp((_request, response) => response.writeHead(200).end(), {
      host: "127.0.0.2",
      port: checked.port,
    });
    await using names = await startNameServer(changing(["127.0.0.1"], ["127.0.0.2"]));
    const outcome = await send(checked.port, createDnsResolver([names.address]));
    expect(outcome).toMatchObject({ status: 200, error: null });
    expect([checked.connections(), other.connections()]).toEqual([1, 0]);
    expect([...names.questions].sort()).toEqual(["A hooks.example", "AAAA hooks.example"]);
  });

  test("sendWebhook() checks again at the next attempt", async () => {
    await using inside = await startHttp((_request, response) => response.end());
    await using names = await startNameServer(changing(["127.0.0.1"], ["10.0.0.1"]));
    const resolver = createDnsResolver([names.address]);
    expect(await send(inside.port, resolver)).toMatchObject({ status: 200 });
    expect(await send(inside.port, resolver)).toMatchObject({ error: { code: "address_refused" } });
    expect(inside.connections()).toBe(1);
  });

  test("sendWebhook() refuses a name with one good and one bad record, in either family", async () => {
    await using inside = await startHttp((_request, response) => response.end());
    for (const records of [
      ["127.0.0.1", "10.0.0.1"],
      ["10.0.0.1", "127.0.0.1"],
      ["127.0.0.1", "fd00::1"],
      ["127.0.0.1", "fe80::1"],
    ]) {
      await using names = await startNameServer(changing(records));
      const outcome = await send(inside.port, createDnsResolver([names.address]));
      expect(outcome).toMatchObject({ status: null, error: { code: "address_refused" } });
    }
    expect(inside.connections()).toBe(0);
  });

  test("sendWebhook() tries the next of the checked addresses when one does not answer", async () => {
    await using receiver = await startHttp((_request, response) => response.end());
    const outcome = await send(receiver.port, async () => ["127.0.0.3", "127.0.0.1"]);
    expect(outcome).toMatchObject({ status: 200, error: null });
  });

  test("sendWebhook() gives up on name servers that hang", async () => {
    await using names = await startNameServer(() => "silence");
    const outcome = await send(80, createDnsResolver([names.address]), { timeoutMs: 100 });
    expect(outcome).toMatchObject({ status: null, error: { code: "timeout" } });
    expect(outcome.duration_ms).toBeLessThan(2_000);
  });

  test("sendWebhook() tells a name that does not exist", async () => {
    await using names = await startNameServer(() => []);
    const outcome = await send(80, createDnsResolver([names.address]));
    expect(outcome).toMatchObject({ status: null, error: { code: "dns_failed" } });
  });
});
