import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { LookupFunction, Socket, TcpNetConnectOpts } from "node:net";
import { urlToHttpOptions } from "node:url";
import { type CanonicalAddress, canonicalAddress } from "../address/guard-address.js";
import type { Fault, Reply, SendError } from "./send-outcome.js";

/** One request to an address that was checked. */
export interface ExchangeOptions {
  readonly url: URL;
  /** The only addresses that may be connected to. */
  readonly addresses: readonly CanonicalAddress[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Certificate authorities in PEM, trusted in place of the usual ones. */
  readonly ca?: string | undefined;
  readonly connectTimeoutMs: number;
  /** Aborts when the time for all of it is over, or when nobody wants it any more. */
  readonly signal: AbortSignal;
}

/** Bytes of an answer's head: Node's own default, named since receivers choose what they send. */
const RESPONSE_HEAD_BYTES_MAX = 16_384;

/** Bytes of an answer's body that are read, so that a receiver can end in peace; nobody looks at them. */
const RESPONSE_BODY_BYTES_MAX = 16_384;

/** Addresses that are tried: each has the time below, and all share the time to connect. */
const ADDRESSES_TRIED_MAX = 4;

/** Milliseconds before the next address is tried: Node's own 250 fail on every link that is slower. */
const ADDRESS_TIMEOUT_MS = 2_500;

/** How far a request has come; what breaks means something else in each. */
type Phase = "connect" | "tls" | "answer";

const PHASE_ERRORS: Readonly<Record<Phase, SendError>> = {
  connect: "connect_failed",
  tls: "tls_failed",
  answer: "connection_lost",
};

/**
 * Posts to one of the given addresses, with the URL's own name as Host and in the TLS handshake, and gives the head of
 * the answer. The body goes out only once the socket's far end is seen to be one of the addresses. Once a status has
 * come it stands, whatever becomes of the rest of the answer. It does not throw for what receivers do.
 */
export function exchange(options: ExchangeOptions): Promise<Reply | Fault> {
  return new Promise((resolve) => {
    let phase: Phase = "connect";
    let reply: Reply | undefined;
    const request = openRequest(options);
    const settle = (result: Reply | Fault): void => {
      clearTimeout(connectTimer);
      options.signal.removeEventListener("abort", expire);
      request.destroy();
      resolve(reply ?? result);
    };
    const fail = (code: SendError, field: string): void =>
      settle({ ok: false, code, message: `Cannot deliver webhook as ${phase} failed: ${field}` });
    const expire = (): void => fail("timeout", "time is over");
    const connectTimer = setTimeout(expire, options.connectTimeoutMs);
    options.signal.addEventListener("abort", expire, { once: true });

    const send = (): void => {
      clearTimeout(connectTimer);
      phase = "answer";
      request.end(options.body);
    };
    request.once("socket", (socket) => {
      socket.once("connect", () => {
        if (!isChecked(socket, options.addresses))
          return fail("address_refused", "far end is another address");
        if (options.url.protocol === "http:") return send();
        phase = "tls";
        socket.once("secureConnect", send);
      });
    });
    request.once("response", (response) => {
      reply = replyOf(response);
      drain(response, () => settle(replyOf(response)));
    });
    request.once("upgrade", (response) => settle(replyOf(response)));
    // Errors go on to come after destroy(), and one without a listener ends the process.
    request.on("error", (error) => fail(errorCode(error, phase), `code is ${codeOf(error)}`));
    request.once("close", () => {
      if (reply === undefined) fail(PHASE_ERRORS[phase], "code is closed");
    });
  });
}

/** What Node hands on from a request to its socket and its types of requests leave out. */
type FamilyOptions = Pick<TcpNetConnectOpts, "autoSelectFamily" | "autoSelectFamilyAttemptTimeout">;

/** The request without its body. `agent: false`: no connection is shared, and no proxy of the environment is asked. */
function openRequest({ url, addresses, headers, body, ca }: ExchangeOptions): ClientRequest {
  const options: RequestOptions & FamilyOptions = {
    ...urlToHttpOptions(url),
    method: "POST",
    agent: false,
    headers: { ...headers, "content-length": Buffer.byteLength(body) },
    lookup: pinnedLookup(addresses.slice(0, ADDRESSES_TRIED_MAX)),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
    maxHeaderSize: RESPONSE_HEAD_BYTES_MAX,
    // Said aloud, as the environment can turn it off for the whole process.
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
  };
  return url.protocol === "https:" ? httpsRequest(options) : httpRequest(options);
}

/** A lookup that asks no name server: the answer is what was checked. */
function pinnedLookup(addresses: readonly CanonicalAddress[]): LookupFunction {
  const found = addresses.map(({ address, family }) => ({ address, family: family === "ipv4" ? 4 : 6 }));
  return (_host, options, callback) => {
    if (options.all === true) return callback(null, found);
    const [first] = found;
    if (first === undefined) return callback(new Error("Cannot connect as no address is left"), "", 0);
    callback(null, first.address, first.family);
  };
}

/** The last guard: whatever happened in between, nothing is sent to an address that was not checked. */
function isChecked(socket: Socket, addresses: readonly CanonicalAddress[]): boolean {
  const far = canonicalAddress(socket.remoteAddress ?? "")?.address;
  return addresses.some(({ address }) => address === far);
}

function replyOf(response: IncomingMessage): Reply {
  return { ok: true, status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] };
}

/** Reads an answer's body up to its cap, for nothing but the receiver's sake, and says when that is over. */
function drain(response: IncomingMessage, done: () => void): void {
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > RESPONSE_BODY_BYTES_MAX) done();
  });
  response.once("end", done);
  response.once("close", done);
  response.on("error", done);
}

function errorCode(error: Error, phase: Phase): SendError {
  const code = codeOf(error);
  if (code === "HPE_HEADER_OVERFLOW") return "response_too_large";
  return code.startsWith("HPE_") ? "bad_response" : PHASE_ERRORS[phase];
}

/** The system's or OpenSSL's own word; the message beside it can hold addresses. */
function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
