import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.js";

let server: Server;
let served: string;
let proxy: TcpProxy;
const sockets: Socket[] = [];

beforeEach(async () => {
  served = "";
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      served += bytes.toString();
      socket.write(`[${bytes.toString()}]`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has a port");
  proxy = await startTcpProxy(address.port);
});

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

/** A connection through the proxy with what came back on it. */
async function dial() {
  const socket = connect({ host: "127.0.0.1", port: proxy.port });
  sockets.push(socket);
  const seen = { text: "", closed: false };
  socket.on("data", (bytes) => {
    seen.text += bytes.toString();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    seen.closed = true;
  });
  await once(socket, "connect");
  return { socket, seen };
}

const until = (check: () => boolean) => expect.poll(check, { timeout: 2_000, interval: 5 }).toBe(true);

/** Enough turns for bytes that are not held to arrive on this machine; a longer wait only makes the check stronger. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 60));

describe("startTcpProxy()", () => {
  it("carries both directions", async () => {
    const { socket, seen } = await dial();
    socket.write("a");
    await until(() => seen.text === "[a]");
    expect(proxy.connections).toBe(1);
  });

  it("holds requests and hands them on when healed", async () => {
    const { socket, seen } = await dial();
    proxy.set("requests", { mode: "hold" });
    socket.write("a");
    await quiet();
    expect(served).toBe("");
    proxy.heal();
    await until(() => seen.text === "[a]");
  });

  it("lets a request through and loses its answer", async () => {
    const { socket, seen } = await dial();
    socket.write("a");
    await until(() => seen.text === "[a]");
    proxy.set("answers", { mode: "drop" });
    socket.write("b");
    await until(() => served === "ab");
    proxy.reset();
    await until(() => seen.closed);
    expect(seen.text).toBe("[a]");
    proxy.heal();
  });

  it("delays a direction", async () => {
    const { socket, seen } = await dial();
    proxy.set("answers", { delayMs: 150 });
    const begun = performance.now();
    socket.write("a");
    await until(() => seen.text === "[a]");
    expect(performance.now() - begun).toBeGreaterThan(140);
  });

  it("refuses new connections and takes them again", async () => {
    proxy.accept("refuse");
    const refused = connect({ host: "127.0.0.1", port: proxy.port });
    refused.on("error", () => undefined);
    await new Promise((resolve) => refused.once("close", resolve));
    expect(proxy.connections).toBe(0);
    proxy.heal();
    const { socket, seen } = await dial();
    socket.write("a");
    await until(() => seen.text === "[a]");
  });

  it("accepts and stays silent until healed", async () => {
    proxy.accept("hold");
    const { socket, seen } = await dial();
    socket.write("a");
    await quiet();
    expect([served, seen.closed]).toEqual(["", false]);
    proxy.heal();
    await until(() => seen.text === "[a]");
  });

  it("ends a connection when the server behind it ends", async () => {
    const { socket, seen } = await dial();
    socket.write("a");
    await until(() => seen.text === "[a]");
    for (const other of sockets) if (other !== socket) other.destroy();
    await until(() => seen.closed);
    expect(proxy.connections).toBe(0);
  });
});
