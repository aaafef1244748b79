import { type KeyObject, sign } from "node:crypto";

/** How a signature is made: its number in COSE, its name in C2PA, and what Node makes it with. */
export interface SigningAlgorithm {
  readonly coseId: number;
  readonly name: "es256" | "es384" | "es512" | "ps256" | "ed25519";
  /** Null where the digest is part of the algorithm. */
  readonly digest: "sha256" | "sha384" | "sha512" | null;
}

/** CBOR's kinds of item. Source: RFC 8949, section 3.1. */
const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const LIST = 4;
const MAP = 5;
const NULL = Buffer.from([0xf6]);
/** The tag of a COSE_Sign1. Source: RFC 9052, section 2. */
const SIGN1_TAG = Buffer.from([0xd2]);
/** Header labels. Source: RFC 9052, section 3.1, and RFC 9360, section 2. */
const ALGORITHM_LABEL = 1;
const CERTIFICATES_LABEL = 33;

/** Bytes of padding from which on its length takes two bytes, up to 65,535: then each byte of it is one more in all. */
const PADDING_BYTES_MIN = 256;
/** Bytes around certificates and signature: labels, lengths, the least padding. */
const FRAME_BYTES = 512;

/** What signs a claim. */
export interface CoseSigner {
  readonly algorithm: SigningAlgorithm;
  readonly privateKey: KeyObject;
  /** DER, the signer's own first. */
  readonly certificates: readonly Buffer[];
  /** Of one signature. */
  readonly signatureBytes: number;
}

/** Bytes that every signature of a signer takes: C2PA fixes them before there is one. */
export function coseBytes({ certificates, signatureBytes }: CoseSigner): number {
  return certificates.reduce((sum, { length }) => sum + length, signatureBytes + FRAME_BYTES);
}

/**
 * Signs a claim as a COSE_Sign1 of {@link coseBytes} with a detached payload. Source: RFC 9052, section 4.4; C2PA 2.2,
 * section 13.2 (certificates in the protected header, padding in `pad`).
 */
export function signClaim(claim: Uint8Array, signer: CoseSigner): Buffer {
  const { algorithm, certificates } = signer;
  const header = map([
    [whole(ALGORITHM_LABEL), whole(algorithm.coseId)],
    [whole(CERTIFICATES_LABEL), list(certificates.map(bytes))],
  ]);
  const toSign = list([text("Signature1"), bytes(header), bytes(Buffer.alloc(0)), bytes(claim)]);
  const signature = signWith(signer, toSign);
  const cose = (paddingBytes: number) =>
    Buffer.concat([
      SIGN1_TAG,
      list([bytes(header), map([[text("pad"), bytes(Buffer.alloc(paddingBytes))]]), NULL, bytes(signature)]),
    ]);
  const rest = coseBytes(signer) - cose(PADDING_BYTES_MIN).length;
  return cose(PADDING_BYTES_MIN + rest);
}

/** A signature in the form of COSE: the two numbers of ECDSA side by side, RSA with PSS. */
export function signWith(
  { algorithm, privateKey }: Pick<CoseSigner, "algorithm" | "privateKey">,
  data: Uint8Array,
): Buffer {
  return sign(algorithm.digest, data, { key: privateKey, dsaEncoding: "ieee-p1363", ...pssOf(algorithm) });
}

function pssOf({ name }: SigningAlgorithm): { padding: number; saltLength: number } | undefined {
  return name === "ps256" ? { padding: PSS_PADDING, saltLength: SHA256_BYTES } : undefined;
}

/** `RSA_PKCS1_PSS_PADDING` of OpenSSL. */
const PSS_PADDING = 6;
/** RFC 8230, section 2: the salt is as long as the digest. */
const SHA256_BYTES = 32;

const whole = (value: number) => (value < 0 ? head(NEGATIVE, -1 - value) : head(UNSIGNED, value));
const bytes = (value: Uint8Array) => Buffer.concat([head(BYTES, value.length), value]);
const list = (items: readonly Buffer[]) => Buffer.concat([head(LIST, items.length), ...items]);
const map = (pairs: readonly (readonly [Buffer, Buffer])[]) =>
  Buffer.concat([head(MAP, pairs.length), ...pairs.flat()]);

function text(value: string): Buffer {
  const utf8 = Buffer.from(value);
  return Buffer.concat([head(TEXT, utf8.length), utf8]);
}

/** The first bytes of an item: kind and length or value, in the shortest form. Source: RFC 8949, section 3. */
function head(kind: number, value: number): Buffer {
  const first = kind << 5;
  if (value < 24) return Buffer.from([first | value]);
  if (value < 0x1_00) return Buffer.from([first | 24, value]);
  if (value < 0x1_00_00) return Buffer.from([first | 25, value >> 8, value & 0xff]);
  const long = Buffer.alloc(5);
  long.writeUInt8(first | 26);
  long.writeUInt32BE(value, 1);
  return long;
}
