import { createSocket } from "node:dgram";

/** A name server on this machine whose answers a test decides. */
export interface NameServer extends AsyncDisposable {
  /** As `createDnsResolver()` takes it. */
  readonly address: string;
  /** The questions so far, such as `A hooks.example`. */
  readonly questions: readonly string[];
}

/** What a question is answered by: addresses (none: no such record), or silence. */
export type Answer = (type: "A" | "AAAA", name: string) => readonly string[] | "silence";

const HEADER_BYTES = 12;
const TYPE_A = 1;
const TYPE_AAAA = 28;
const CLASS_IN = 1;
/** A pointer to the question's name. Source: RFC 1035 section 4.1.4. */
const NAME_POINTER = 0xc00c;
/** Response, recursion desired and available, no error. */
const FLAGS_ANSWER = 0x8180;

/** Starts a name server over UDP. Source: RFC 1035 section 4. */
export async function startNameServer(answer: Answer): Promise<NameServer> {
  const questions: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (message, peer) => {
    const { name, end } = readName(message);
    const type = message.readUInt16BE(end) === TYPE_AAAA ? "AAAA" : "A";
    questions.push(`${type} ${name}`);
    const addresses = answer(type, name);
    if (addresses === "silence") return;
    const question = message.subarray(HEADER_BYTES, end + 4);
    const records = addresses.map((address) => recordOf(type, address));
    socket.send(
      Buffer.concat([headerOf(message, records.length), question, ...records]),
      peer.port,
      peer.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}

function readName(message: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString("ascii", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join("."), end: at + 1 };
}

function headerOf(message: Buffer, answers: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  message.copy(header, 0, 0, 2);
  header.writeUInt16BE(FLAGS_ANSWER, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers, 6);
  return header;
}

function recordOf(type: "A" | "AAAA", address: string): Buffer {
  const data = type === "A" ? Buffer.from(address.split(".").map(Number)) : ipv6Bytes(address);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(NAME_POINTER, 0);
  head.writeUInt16BE(type === "A" ? TYPE_A : TYPE_AAAA, 2);
  head.writeUInt16BE(CLASS_IN, 4);
  // Time to live 0: a name that means to change its answer says so.
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** The bytes of an IPv6 address with at most one `::` and no IPv4 part. */
function ipv6Bytes(address: string): Buffer {
  const [left = "", right = ""] = address.split("::");
  const head = left === "" ? [] : left.split(":");
  const tail = right === "" ? [] : right.split(":");
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return Buffer.from([...head, ...zeros, ...tail].map((group) => group.padStart(4, "0")).join(""), "hex");
}
