import { expect, test } from "vitest";
import { startServer } from "./server.js";

const ADDRESS = { host: "127.0.0.1", port: 0 };

test("startServer() closes with its scope, also when what comes after it fails", async () => {
  let url = "";
  const fail = async () => {
    await using server = await startServer((_request, response) => response.end("here"), ADDRESS);
    url = server.url;
    expect(await (await fetch(url)).text()).toBe("here");
    throw new Error("Redis is away");
  };
  await expect(fail()).rejects.toThrow("Redis is away");
  await expect(fetch(url)).rejects.toThrow();
});

test("startServer() may be closed before its scope ends", async () => {
  await using server = await startServer((_request, response) => response.end(), ADDRESS);
  await server.close();
  await expect(fetch(server.url)).rejects.toThrow();
});

/** Milliseconds after which nginx and the load balancers of AWS drop a connection that waits. */
const PROXY_IDLE_MS = 60_000;

test("startServer() keeps a connection for longer than the proxies before it", async () => {
  await using server = await startServer((_request, response) => response.end(), ADDRESS);
  const told = (await fetch(server.url)).headers.get("keep-alive");
  expect(Number(/^timeout=(\d+)$/.exec(told ?? "")?.[1]) * 1_000).toBeGreaterThan(PROXY_IDLE_MS);
});
