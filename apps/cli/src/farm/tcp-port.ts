import { once } from "node:events";
import { createServer } from "node:net";
import { FarmError } from "@latentfarm/contract";
import { isErrno } from "./state-file.js";

/** A port of the loopback address that was free a moment ago; the caller tries again when another took it since. */
export async function freePort(): Promise<number> {
  return await probe("127.0.0.1", 0);
}

/**
 * Checks that an address can be listened on, so that a taken port is told in one line before anything is started.
 * @throws {FarmError} config_invalid
 */
export async function requirePort(host: string, port: number): Promise<void> {
  try {
    await probe(host, port);
  } catch (cause) {
    const why = isErrno(cause, "EADDRINUSE") ? "the port is in use" : String(cause);
    throw new FarmError("config_invalid", `Cannot listen on ${host}:${port}: ${why}`, { cause });
  }
}

async function probe(host: string, port: number): Promise<number> {
  const server = createServer();
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : port;
}
