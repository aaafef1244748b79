import { describe, expect, test } from "vitest";
import { LAPTOP_POLICY, STRICT_POLICY } from "../policy.js";
import { startNameServer } from "../testing/name-server.js";
import { createDnsResolver, type WebhookResolver } from "./dns-resolver.js";
import { type ResolveOptions, resolveWebhookAddress } from "./resolve-webhook-address.js";

const never = new AbortController().signal;
const resolve = (url: string, resolver: WebhookResolver, over: Partial<ResolveOptions> = {}) =>
  resolveWebhookAddress(new URL(url), { policy: STRICT_POLICY, resolver, signal: never, ...over });
const answering =
  (...addresses: string[]): WebhookResolver =>
  async () =>
    addresses;
const unasked: WebhookResolver = async () => {
  throw new Error("asked");
};
const silent: WebhookResolver = () => new Promise(() => undefined);

describe("resolveWebhookAddress()", () => {
  test("resolveWebhookAddress() gives every address of a public host, canonical and in order", async () => {
    const found = await resolve("https://hooks.example/", answering("2606:4700:0:0::1", "8.8.8.8"));
    expect(found).toEqual({
      ok: true,
      addresses: [
        { address: "2606:4700::1", family: "ipv6" },
        { address: "8.8.8.8", family: "ipv4" },
      ],
    });
  });

  test.each([
    [["127.0.0.1"], "loopback"],
    [["8.8.8.8", "10.0.0.1"], "private"],
    [["10.0.0.1", "8.8.8.8"], "private"],
    [["8.8.8.8", "::1"], "loopback"],
    [["8.8.8.8", "::ffff:169.254.169.254"], "metadata"],
    [["8.8.8.8", "64:ff9b::808:808"], "translated (NAT64)"],
    [["8.8.8.8", "fe80::1%eth0"], "no IP address"],
    [["8.8.8.8", "no address at all"], "no IP address"],
    [[...Array.from({ length: 200 }, () => "8.8.8.8"), "0.0.0.0"], "unspecified"],
  ])("resolveWebhookAddress() refuses a host with %j", async (addresses, reason) => {
    expect(await resolve("https://hooks.example/", answering(...addresses))).toEqual({
      ok: false,
      code: "address_refused",
      message: expect.stringContaining(reason),
    });
  });

  test("resolveWebhookAddress() takes an address literal as it is and asks nobody", async () => {
    expect(await resolve("https://8.8.8.8/", unasked)).toMatchObject({ ok: true });
    expect(await resolve("https://[2606:4700::1]/", unasked)).toMatchObject({ ok: true });
    expect(await resolve("https://[::1]/", unasked)).toMatchObject({ code: "address_refused" });
    expect(await resolve("https://0x7f.1/", unasked)).toMatchObject({ code: "address_refused" });
  });

  test("resolveWebhookAddress() takes localhost for this machine and asks nobody", async () => {
    expect(await resolve("http://localhost/", unasked)).toMatchObject({ code: "address_refused" });
    expect(await resolve("http://a.localhost/", unasked, { policy: LAPTOP_POLICY })).toMatchObject({
      addresses: [{ address: "127.0.0.1" }, { address: "::1" }],
    });
  });

  test("resolveWebhookAddress() tells a host without addresses and name servers that fail", async () => {
    expect(await resolve("https://hooks.example/", answering())).toMatchObject({ code: "dns_failed" });
    expect(await resolve("https://hooks.example/", unasked)).toMatchObject({ code: "dns_failed" });
  });

  test("resolveWebhookAddress() gives up on silence, after its time or when it is told to", async () => {
    const late = await resolve("https://hooks.example/", silent, { timeoutMs: 10 });
    expect(late).toMatchObject({ code: "dns_failed" });
    const stopped = await resolve("https://hooks.example/", silent, { signal: AbortSignal.timeout(10) });
    expect(stopped).toMatchObject({ code: "dns_failed" });
  });

  test("resolveWebhookAddress() stops the resolver that it has given up on", async () => {
    let stopped = false;
    const resolver: WebhookResolver = (_host, signal) =>
      new Promise(() => signal.addEventListener("abort", () => (stopped = true)));
    await resolve("https://hooks.example/", resolver, { timeoutMs: 5 });
    expect(stopped).toBe(true);
  });
});

describe("createDnsResolver()", () => {
  test("createDnsResolver() asks for both families and gives all addresses", async () => {
    await using server = await startNameServer((type) =>
      type === "A" ? ["192.0.2.1", "192.0.2.2"] : ["2001:db8::1"],
    );
    const found = await createDnsResolver([server.address])("hooks.example", never);
    expect([...found].sort()).toEqual(["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
    expect([...server.questions].sort()).toEqual(["A hooks.example", "AAAA hooks.example"]);
  });

  test("createDnsResolver() takes a host of one family, and tells one of none by an empty list", async () => {
    await using server = await startNameServer((type, name) =>
      name === "six.example" && type === "AAAA" ? ["2001:db8::1"] : [],
    );
    const resolver = createDnsResolver([server.address]);
    expect(await resolver("six.example", never)).toEqual(["2001:db8::1"]);
    expect(await resolver("none.example", never)).toEqual([]);
  });

  test("createDnsResolver() applies no search list: a name is asked for as it is", async () => {
    await using server = await startNameServer(() => []);
    await createDnsResolver([server.address])("redis.default", never);
    expect(new Set(server.questions)).toEqual(new Set(["A redis.default", "AAAA redis.default"]));
  });

  test("createDnsResolver() stops at once when it is told to", async () => {
    await using server = await startNameServer(() => "silence");
    const waiting = createDnsResolver([server.address])("hooks.example", AbortSignal.timeout(20));
    await expect(waiting).rejects.toMatchObject({ code: "ECANCELLED" });
  });
});
