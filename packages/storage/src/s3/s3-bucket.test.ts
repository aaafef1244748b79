import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { S3Settings } from "./s3-settings.js";
import { createS3Store } from "./s3-store.js";

let server: Server;
let endpoint: string;
let seen: IncomingHttpHeaders[];

beforeEach(async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "key");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  seen = [];
  server = createServer((request, response) => {
    seen.push(request.headers);
    request.resume().on("end", () => response.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  endpoint = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
});
afterEach(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});

async function headersOf(changes: Partial<S3Settings>, labels = {}): Promise<IncomingHttpHeaders> {
  const settings: S3Settings = {
    bucket: "bucket",
    region: "us-east-1",
    endpoint,
    publicEndpoint: undefined,
    prefix: "",
    pathStyle: true,
    encryption: undefined,
    storageClass: undefined,
    checksums: "required",
    tags: true,
    presignSeconds: 60,
    ...changes,
  };
  const info = { contentType: "image/png", metadata: labels, tags: { tenant: "acme" } };
  await createS3Store(settings).put("jobs/a/0.png", Buffer.from("abc"), info);
  return seen.at(-1) ?? {};
}

it("put() says of an object what the settings say, and its length", async () => {
  const headers = await headersOf({
    encryption: { algorithm: "aws:kms", keyId: "key-1" },
    storageClass: "STANDARD_IA",
  });
  expect(headers).toMatchObject({
    "content-length": "3",
    "content-type": "image/png",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "key-1",
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-tagging": "tenant=acme",
    // SHA-256 of "abc". Source: FIPS 180-2, appendix B.1.
    "x-amz-meta-farm-sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  });
  expect(Object.keys(headers).filter((name) => name.startsWith("x-amz-checksum"))).toEqual([]);
  expect(headers).not.toHaveProperty("content-encoding");
});

it("put() without settings leaves all to the bucket, and tags where they are wanted", async () => {
  const headers = await headersOf({ tags: false });
  for (const name of ["x-amz-server-side-encryption", "x-amz-storage-class", "x-amz-tagging"])
    expect(headers).not.toHaveProperty(name);
  expect(await headersOf({ encryption: { algorithm: "AES256" } })).toMatchObject({
    "x-amz-server-side-encryption": "AES256",
  });
});

it("put() sends the checksum of the kind that is set", async () => {
  expect(await headersOf({ checksums: "sha256" })).toMatchObject({
    "x-amz-checksum-sha256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
  });
  expect(await headersOf({ checksums: "crc32" })).toHaveProperty("x-amz-checksum-crc32");
});

it("put() keeps metadata within 2 KB of ASCII, and puts more beside the object first", async () => {
  // Hashes, which no compression makes small.
  const random = Array.from({ length: 60 }, (_, i) => createHash("sha256").update(`é${i}`).digest("hex"));
  const headers = await headersOf({}, { result: random.join("") });
  expect(seen).toHaveLength(2);
  const own = Object.entries(headers).filter(([name]) => name.startsWith("x-amz-meta-"));
  const bytes = own.reduce((sum, [name, value]) => sum + name.length + String(value).length, 0);
  expect(bytes).toBeLessThan(2_048);
  expect(own.every(([, value]) => /^[\x20-\x7e]*$/.test(String(value)))).toBe(true);
  expect(seen[0]).toMatchObject({ "content-type": "application/json", "x-amz-tagging": "tenant=acme" });
});
