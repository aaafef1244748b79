import { CONTENT_TYPES, type OutputFormat } from "@latentfarm/contract";
import { loadC2pa, OFFLINE } from "./load-c2pa.js";

/**
 * What is known of a picture's Content Credentials. `trusted`: the file is as it was signed, by someone whom the given
 * authorities vouch for. `valid`: as it was signed, by whoever has that certificate. `invalid`: file, claim or certificate
 * is not what was signed. `unreadable`: there is something, and it is broken.
 */
export type CredentialState = "trusted" | "valid" | "invalid" | "unreadable";

/** A picture's Content Credentials. */
export interface Credentials {
  readonly state: CredentialState;
  /** Who signed, by the certificate: its common name and its organization. */
  readonly signer?: string | undefined;
  readonly issuer?: string | undefined;
  /** The program that claims it. */
  readonly generator?: string | undefined;
  /** Whether a model is said to have drawn it: the claim's digital source types. */
  readonly sourceTypes: readonly string[];
  /** What is wrong, in C2PA's words, such as `assertion.dataHash.mismatch`. */
  readonly problems: readonly string[];
}

/** Problems and source types that are told; the file may hold any number. */
const LISTED_MAX = 16;
/** Characters of a name out of the file. */
const NAME_CHARS_MAX = 200;
/** A certificate that nobody here vouches for is no fault of the picture. */
const UNTRUSTED = "signingCredential.untrusted";
/** The name of a manifest's box, in each of the formats. Source: C2PA 2.2, section 11.1. */
const MARK = Buffer.from("c2pa");

/**
 * Reads and verifies the Content Credentials of a picture; undefined when it has none. `authorities` are PEM certificates
 * whose word counts. Nothing is fetched, wherever the file points.
 */
export async function readCredentials(
  bytes: Uint8Array,
  format: OutputFormat,
  authorities: string | undefined,
): Promise<Credentials | undefined> {
  // Spares the load of the library for a picture without.
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(MARK)) return undefined;
  const { Reader } = loadC2pa();
  const settings = {
    verify: { ...OFFLINE, verify_trust: authorities !== undefined },
    ...(authorities !== undefined && { trust: { trust_anchors: authorities } }),
  };
  try {
    const reader = await Reader.fromBytes(CONTENT_TYPES[format], bytes, JSON.stringify(settings));
    try {
      const store: unknown = JSON.parse(reader.json());
      return describe(store);
    } finally {
      reader.free();
    }
  } catch (error) {
    // A text that holds the letters, and no manifest.
    if (String(error).includes("JumbfNotFound")) return undefined;
    return { state: "unreadable", sourceTypes: [], problems: [String(error).slice(0, NAME_CHARS_MAX)] };
  }
}

function describe(store: unknown): Credentials {
  const manifest = at(store, "manifests", nameOf(at(store, "active_manifest")) ?? "");
  const failures = listOf(at(store, "validation_results", "activeManifest", "failure"));
  const codes = failures.flatMap((failure) => nameOf(at(failure, "code")) ?? []);
  const problems = [...new Set(codes)].filter((code) => code !== UNTRUSTED).slice(0, LISTED_MAX);
  const [generator] = listOf(at(manifest, "claim_generator_info"));
  const actions = listOf(at(manifest, "assertions")).flatMap((item) => listOf(at(item, "data", "actions")));
  const sourceTypes = actions.flatMap((action) => nameOf(at(action, "digitalSourceType")) ?? []);
  return {
    state: stateOf(at(store, "validation_state"), problems),
    signer: nameOf(at(manifest, "signature_info", "common_name")),
    issuer: nameOf(at(manifest, "signature_info", "issuer")),
    generator:
      [nameOf(at(generator, "name")), nameOf(at(generator, "version"))].join(" ").trim() || undefined,
    sourceTypes: [...new Set(sourceTypes)].slice(0, LISTED_MAX),
    problems,
  };
}

function stateOf(told: unknown, problems: readonly string[]): CredentialState {
  if (told === "Trusted" && problems.length === 0) return "trusted";
  return told === "Valid" && problems.length === 0 ? "valid" : "invalid";
}

/** What stands at a path in JSON that may be anything. */
function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, name)) return undefined;
    const found: unknown = Reflect.get(inner, name);
    return found;
  }, value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function nameOf(value: unknown): string | undefined {
  return typeof value === "string" ? value.slice(0, NAME_CHARS_MAX) : undefined;
}
