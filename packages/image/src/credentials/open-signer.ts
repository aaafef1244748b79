import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { FarmError } from "@latentfarm/contract";
import { type CoseSigner, type SigningAlgorithm, signWith } from "./cose-signature.js";

/** Who signs pictures, ready to. */
export interface CredentialSigner extends CoseSigner {
  /** Milliseconds since 1970 at which the certificate ends. */
  readonly notAfterMs: number;
}

/** Certificates of a chain: a signer, its authorities and room; more is a bundle of something else. */
const CERTIFICATES_MAX = 8;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

const ES256: SigningAlgorithm = { coseId: -7, name: "es256", digest: "sha256" };
/** By the name of the curve in OpenSSL. Source: RFC 9053, section 2.1, and C2PA 2.2, section 13.2.1. */
const BY_CURVE: Readonly<Record<string, SigningAlgorithm>> = {
  prime256v1: ES256,
  secp384r1: { coseId: -35, name: "es384", digest: "sha384" },
  secp521r1: { coseId: -36, name: "es512", digest: "sha512" },
};
const PS256: SigningAlgorithm = { coseId: -37, name: "ps256", digest: "sha256" };
const ED25519: SigningAlgorithm = { coseId: -8, name: "ed25519", digest: null };

/**
 * Makes a signer of a chain of certificates, the signer's own first, and the key of the first, both PEM.
 * @throws {FarmError} config_invalid the texts are none of these, the key is another certificate's or of a kind that C2PA
 * does not know, or the certificate is not valid now
 */
export function openSigner(
  pem: { readonly certificates: string; readonly privateKey: string },
  nowMs: number,
): CredentialSigner {
  const chain = readChain(pem.certificates);
  const [own] = chain;
  if (own === undefined) throw refused("there is no PEM certificate in it");
  const privateKey = readKey(pem.privateKey);
  if (!own.checkPrivateKey(privateKey)) throw refused("the first certificate is of another key");
  const notAfterMs = Date.parse(own.validTo);
  if (nowMs > notAfterMs) throw refused(`the certificate ended at ${own.validTo}`);
  if (nowMs < Date.parse(own.validFrom)) throw refused(`the certificate begins at ${own.validFrom}`);
  const algorithm = algorithmOf(privateKey);
  return {
    algorithm,
    privateKey,
    certificates: chain.map(({ raw }) => raw),
    signatureBytes: signWith({ algorithm, privateKey }, Buffer.alloc(1)).length,
    notAfterMs,
  };
}

function readChain(text: string): X509Certificate[] {
  const blocks = text.match(PEM) ?? [];
  if (blocks.length > CERTIFICATES_MAX) {
    throw refused(`it holds ${blocks.length} certificates, at most ${CERTIFICATES_MAX}`);
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw refused("a certificate in it is damaged", cause);
  }
}

function readKey(text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    // OpenSSL's own words may quote the text.
    throw refused("the key is no PEM private key without a password");
  }
}

function algorithmOf({
  asymmetricKeyType: type,
  asymmetricKeyDetails: details,
}: KeyObject): SigningAlgorithm {
  const found =
    type === "ec"
      ? BY_CURVE[details?.namedCurve ?? ""]
      : type === "rsa" || type === "rsa-pss"
        ? PS256
        : type === "ed25519"
          ? ED25519
          : undefined;
  if (found === undefined) throw refused(`the key is of the kind ${details?.namedCurve ?? type}`);
  return found;
}

/** A refusal of the certificate or the key. */
export function refused(reason: string, cause?: unknown): FarmError {
  return new FarmError("config_invalid", `Cannot sign pictures with the certificate: ${reason}`, { cause });
}
