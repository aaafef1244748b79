import { describe, expect, test } from "vitest";
import type { WebhookResolver } from "../address/dns-resolver.js";
import { LAPTOP_POLICY, STRICT_POLICY } from "../policy.js";
import { type Receiver, startHttp, startHttps, startTcp } from "../testing/receivers.js";
import { TLS_CERTIFICATE, TLS_NAME } from "../testing/tls-identity.js";
import { type SendOptions, sendWebhook } from "./send-webhook.js";

const loopback: WebhookResolver = async () => ["127.0.0.1"];
const never = new AbortController().signal;
const send = (url: string, over: Partial<SendOptions> = {}) =>
  sendWebhook({
    url,
    headers: { "webhook-id": "msg_1" },
    body: '{"a":"ü"}',
    policy: LAPTOP_POLICY,
    signal: never,
    resolver: loopback,
    ...over,
  });
const urlOf = ({ port }: Receiver, host = "hooks.example") => `http://${host}:${port}/hook?a=1`;
const answer = (head: string) =>
  startTcp((socket) => socket.once("data", () => socket.write(head.replaceAll("\n", "\r\n"))));

describe("sendWebhook() against receivers that answer", () => {
  test("sendWebhook() posts the body and the headers, under the URL's own name", async () => {
    const seen: unknown[] = [];
    await using receiver = await startHttp((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        seen.push([
          request.method,
          request.url,
          request.headers,
          Buffer.concat(chunks).toString(),
          request.socket.localAddress,
        ]);
        response.end("thanks");
      });
    });
    const outcome = await send(urlOf(receiver), { nowMs: () => 1_700_000_000_000 });
    expect(outcome).toEqual({
      at: "2023-11-14T22:13:20.000Z",
      status: 200,
      duration_ms: expect.any(Number),
      error: null,
      retry_after_seconds: null,
    });
    const headers = {
      host: `hooks.example:${receiver.port}`,
      "content-type": "application/json",
      "content-length": "10",
      "user-agent": "latentfarm-webhooks/1",
      "webhook-id": "msg_1",
      connection: "close",
      accept: "*/*",
    };
    expect(seen).toEqual([["POST", "/hook?a=1", headers, '{"a":"ü"}', "127.0.0.1"]]);
  });

  test.each([
    [200, null],
    [201, null],
    [202, null],
    [204, null],
    [299, null],
    [300, "redirect"],
    [304, "redirect"],
    [399, "redirect"],
    [400, "status"],
    [401, "status"],
    [404, "status"],
    [409, "status"],
    [410, "gone"],
    [429, "status"],
    [500, "status"],
    [502, "status"],
    [599, "status"],
  ])("sendWebhook() takes status %i for %s", async (status, code) => {
    await using receiver = await startHttp((_request, response) => response.writeHead(status).end());
    const { error, ...outcome } = await send(urlOf(receiver));
    expect([outcome.status, error?.code ?? null]).toEqual([status, code]);
  });

  test.each([301, 302, 303, 307, 308])("sendWebhook() does not follow a redirect of %i", async (status) => {
    await using target = await startHttp((_request, response) => response.end());
    await using receiver = await startHttp((_request, response) =>
      response.writeHead(status, { location: urlOf(target) }).end(),
    );
    expect(await send(urlOf(receiver))).toMatchObject({ status, error: { code: "redirect" } });
    expect(target.connections()).toBe(0);
  });

  test.each([
    ["120", 120],
    ["0", 0],
    ["999999999", 86_400],
    ["Tue, 14 Nov 2023 22:14:20 GMT", 60],
    ["Tue, 14 Nov 2000 22:14:20 GMT", 0],
    ["soon", null],
    ["-5", null],
    ["1.5", null],
    ["May 5", null],
    ["", null],
  ])("sendWebhook() reads Retry-After: %s", async (header, seconds) => {
    await using receiver = await startHttp((_request, response) =>
      response.writeHead(503, { "retry-after": header }).end(),
    );
    const outcome = await send(urlOf(receiver), { nowMs: () => 1_700_000_000_000 });
    expect(outcome.retry_after_seconds).toBe(seconds);
  });

  test("sendWebhook() takes no proxy from the environment", async () => {
    await using proxy = await startHttp((_request, response) => response.end());
    await using receiver = await startHttp((_request, response) => response.writeHead(204).end());
    const names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "NODE_USE_ENV_PROXY"];
    for (const name of names)
      process.env[name] = name.endsWith("ENV_PROXY") ? "1" : urlOf(proxy, "127.0.0.1");
    try {
      expect(await send(urlOf(receiver))).toMatchObject({ status: 204 });
    } finally {
      for (const name of names) delete process.env[name];
    }
    expect(proxy.connections()).toBe(0);
  });

  test("sendWebhook() opens a connection of its own each time", async () => {
    await using receiver = await startHttp((_request, response) => response.end());
    for (let i = 0; i < 3; i += 1) await send(urlOf(receiver));
    expect(receiver.connections()).toBe(3);
  });
});

describe("sendWebhook() against receivers that misbehave", () => {
  test("sendWebhook() cuts a body that does not end, and lets the status count", async () => {
    let closed = () => {};
    const cut = new Promise<void>((resolve) => {
      closed = resolve;
    });
    await using receiver = await startHttp((_request, response) => {
      const chunk = Buffer.alloc(8_192);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more).on("close", closed).writeHead(200);
      more();
    });
    expect(await send(urlOf(receiver))).toMatchObject({ status: 200, error: null });
    await cut;
  });

  test("sendWebhook() lets the status count of a body that stalls, or breaks off", async () => {
    await using stalling = await startHttp((_request, response) => void response.writeHead(200).write("a"));
    expect(await send(urlOf(stalling), { timeoutMs: 100 })).toMatchObject({ status: 200, error: null });
    await using breaking = await answer("HTTP/1.1 500 No\ncontent-length: 100\n\nabc");
    expect(await send(urlOf(breaking), { timeoutMs: 100 })).toMatchObject({
      status: 500,
      error: { code: "status" },
    });
  });

  test("sendWebhook() refuses a head that does not end", async () => {
    await using receiver = await startTcp((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const more = (): void => {
        while (!socket.destroyed && socket.write(`x-filler: ${"a".repeat(1_000)}\r\n`));
      };
      socket.on("drain", more);
      socket.once("data", more);
    });
    expect(await send(urlOf(receiver))).toMatchObject({
      status: null,
      error: { code: "response_too_large" },
    });
  });

  test("sendWebhook() gives up on a receiver that is silent, slow, or speaks in drops", async () => {
    await using silent = await startTcp(() => undefined);
    await using hanging = await startHttp(() => undefined);
    await using dropping = await startTcp((socket) => {
      const timer = setInterval(() => socket.write("HTTP/1.1 100 Continue\r\n\r\n"), 20);
      socket.once("close", () => clearInterval(timer));
    });
    for (const receiver of [silent, hanging, dropping]) {
      const outcome = await send(urlOf(receiver), { timeoutMs: 150 });
      expect(outcome).toMatchObject({ status: null, error: { code: "timeout" } });
      expect(outcome.duration_ms).toBeGreaterThanOrEqual(145);
      expect(outcome.duration_ms).toBeLessThan(2_000);
    }
  });

  test.each([
    ["resets", (receiver: { destroy(): void; resetAndDestroy(): void }) => receiver.resetAndDestroy()],
    ["closes", (receiver: { destroy(): void; resetAndDestroy(): void }) => receiver.destroy()],
  ])("sendWebhook() tells a receiver that %s instead of answering", async (_what, end) => {
    await using receiver = await startTcp((socket) => socket.once("data", () => end(socket)));
    expect(await send(urlOf(receiver))).toMatchObject({ status: null, error: { code: "connection_lost" } });
  });

  test("sendWebhook() tells one that ends its half and stays", async () => {
    await using receiver = await startTcp((socket) => socket.end());
    expect(await send(urlOf(receiver), { timeoutMs: 500 })).toMatchObject({
      error: { code: "connection_lost" },
    });
  });

  test.each([
    ["another protocol", "220 mail.example ESMTP\n"],
    ["a broken status line", "HTTP/1.1 abc\n\n"],
    ["two lengths", "HTTP/1.1 200 OK\ncontent-length: 1\ncontent-length: 2\n\na"],
    ["a length and chunks", "HTTP/1.1 200 OK\ncontent-length: 1\ntransfer-encoding: chunked\n\n1\na\n0\n\n"],
  ])("sendWebhook() tells %s", async (_what, head) => {
    await using receiver = await answer(head);
    expect(await send(urlOf(receiver), { timeoutMs: 1_000 })).toMatchObject({
      status: null,
      error: { code: "bad_response" },
    });
  });

  test("sendWebhook() takes a change of protocols for a failure", async () => {
    await using receiver = await answer("HTTP/1.1 101 Switching\nupgrade: x\nconnection: upgrade\n\n");
    expect(await send(urlOf(receiver))).toMatchObject({ status: 101, error: { code: "status" } });
  });

  test("sendWebhook() tells a port where nobody listens", async () => {
    const receiver = await startHttp(() => undefined);
    await receiver[Symbol.asyncDispose]();
    expect(await send(urlOf(receiver))).toMatchObject({ status: null, error: { code: "connect_failed" } });
  });

  test("sendWebhook() rejects when its caller gives up, as that says nothing about the receiver", async () => {
    await using receiver = await startHttp(() => undefined);
    const stopped = send(urlOf(receiver), { signal: AbortSignal.timeout(50) });
    await expect(stopped).rejects.toMatchObject({ code: "interrupted" });
    await expect(send(urlOf(receiver), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "interrupted",
    });
  });

  test("sendWebhook() repeats nothing of the URL in its messages", async () => {
    await using receiver = await startHttp((_request, response) => response.writeHead(500).end());
    const outcomes = [
      await send(`${urlOf(receiver)}&token=hush`),
      await send("http://127.0.0.1:1/?token=hush"),
      await send("https://hush.internal/?token=hush", { policy: STRICT_POLICY }),
    ];
    for (const { error } of outcomes) expect(error?.message).not.toContain("hush");
  });
});

describe("sendWebhook() over TLS", () => {
  const ok = () => startHttps((_request, response) => response.end());
  const tlsUrl = ({ port }: Receiver, host: string) => `https://${host}:${port}/`;

  test("sendWebhook() accepts a certificate for the URL's name, whatever the address", async () => {
    await using receiver = await ok();
    const outcome = await send(tlsUrl(receiver, TLS_NAME), { ca: TLS_CERTIFICATE });
    expect(outcome).toMatchObject({ status: 200, error: null });
  });

  test("sendWebhook() refuses a certificate for another name", async () => {
    await using receiver = await ok();
    for (const host of ["other.example", "127.0.0.1"]) {
      const outcome = await send(tlsUrl(receiver, host), { ca: TLS_CERTIFICATE });
      expect(outcome).toMatchObject({
        error: { code: "tls_failed", message: expect.stringContaining("ERR_TLS_CERT_ALTNAME_INVALID") },
      });
    }
  });

  test("sendWebhook() refuses a certificate that nobody vouches for, even where the environment would not", async () => {
    await using receiver = await ok();
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      const outcome = await send(tlsUrl(receiver, TLS_NAME));
      expect(outcome).toMatchObject({ status: null, error: { code: "tls_failed" } });
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
  });

  test("sendWebhook() tells a receiver that speaks no TLS, or never ends the handshake", async () => {
    await using plain = await startHttp((_request, response) => response.end());
    expect(await send(tlsUrl(plain, TLS_NAME))).toMatchObject({ error: { code: "tls_failed" } });
    await using silent = await startTcp(() => undefined);
    expect(await send(tlsUrl(silent, TLS_NAME), { connectTimeoutMs: 100 })).toMatchObject({
      error: { code: "timeout", message: expect.stringContaining("tls") },
    });
  });
});
