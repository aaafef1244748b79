import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A signer's certificate, its key, and the authority that vouches for it, all PEM. */
export interface TestChain {
  /** The signer's, then the authority's. */
  readonly certificates: string;
  readonly privateKey: string;
  readonly authority: string;
}

/** What kind of chain is made. */
export interface ChainOptions {
  /** What `openssl genpkey` is told of the key. */
  readonly key?: readonly string[];
  /** What the certificate may be used for, `emailProtection` as C2PA wants it when absent. */
  readonly purpose?: string;
  readonly days?: number;
}

/** Arguments that make a key of ECDSA with P-256. */
export const P256: readonly string[] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

/** Makes an authority and a certificate of its own by OpenSSL; nothing of it is left on disk. */
export function makeChain(options: ChainOptions = {}): TestChain {
  const { key = P256, purpose = "emailProtection", days = 30 } = options;
  const folder = mkdtempSync(join(tmpdir(), "chain-"));
  const openssl = (...args: readonly string[]) =>
    execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const text = (name: string) => readFileSync(join(folder, name), "utf8");
  try {
    writeFileSync(
      join(folder, "leaf.cnf"),
      [
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
        `extendedKeyUsage=critical,${purpose}`,
        "subjectKeyIdentifier=hash",
        "authorityKeyIdentifier=keyid",
      ].join("\n"),
    );
    openssl("genpkey", ...P256, "-out", "ca.key");
    openssl(
      ...["req", "-x509", "-new", "-key", "ca.key", "-days", "60", "-out", "ca.pem"],
      ...["-subj", "/O=Test/CN=Test authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
    );
    openssl("genpkey", ...key, "-out", "leaf.key");
    openssl("req", "-new", "-key", "leaf.key", "-subj", "/O=Acme/CN=Acme pictures", "-out", "leaf.csr");
    openssl(
      ...["x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
      ...["-days", String(days), "-extfile", "leaf.cnf", "-out", "leaf.pem"],
    );
    const authority = text("ca.pem");
    return { certificates: `${text("leaf.pem")}${authority}`, privateKey: text("leaf.key"), authority };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
