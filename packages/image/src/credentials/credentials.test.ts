import { createServer } from "node:http";
import { OUTPUT_FORMATS, type OutputFormat } from "@latentfarm/contract";
import fc from "fast-check";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeImage } from "../encode-image.js";
import { inspectPicture } from "../inspect-picture.js";
import { SOURCE_TYPE } from "../metadata/xmp.js";
import { insertTexts, PNG_XMP_KEYWORD } from "../png-text.js";
import { exampleRecord } from "../testing/example-record.js";
import { makeChain, type TestChain } from "../testing/make-chain.js";
import { createPictureSigner, type PictureSigner } from "./create-picture-signer.js";

const SIDE = 32;
const RGB = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 7) % 256);
const DAY_MS = 86_400_000;

let chain: TestChain;
let signer: PictureSigner;
beforeAll(async () => {
  chain = makeChain();
  signer = await createPictureSigner(chain, Date.now());
});

async function draw(format: OutputFormat): Promise<Uint8Array> {
  const record = exampleRecord();
  const size = { width: SIDE, height: SIDE };
  return (await encodeImage({ rgb: RGB, ...size, format, quality: 90, record })).bytes;
}

const pixelsOf = (bytes: Uint8Array) => sharp(bytes).raw().toBuffer();
const credentialsOf = async (bytes: Uint8Array, authorities?: string) =>
  (await inspectPicture(bytes, { authorities })).credentials;

describe("a signed picture", () => {
  it.each(OUTPUT_FORMATS)(
    "says as %s who claims that a model has drawn it, and keeps all else",
    async (format) => {
      const plain = await draw(format);
      const signed = await signer.sign(plain, format);
      expect(await credentialsOf(signed, chain.authority)).toEqual({
        state: "trusted",
        signer: "Acme pictures",
        issuer: "Acme",
        generator: expect.stringMatching(/^Latentfarm \d/),
        sourceTypes: [SOURCE_TYPE],
        problems: [],
      });
      expect(await pixelsOf(signed)).toEqual(await pixelsOf(plain));
      const { credentials: _known, bytes: _more, ...facts } = await inspectPicture(signed);
      const { bytes: _fewer, ...before } = await inspectPicture(plain);
      expect(facts).toEqual(before);
      expect(facts.source).toBe("latentfarm");
    },
  );

  it("is valid and no more to whom nobody has named an authority, or another", async () => {
    const signed = await signer.sign(await draw("png"), "png");
    expect(await credentialsOf(signed)).toMatchObject({ state: "valid", problems: [] });
    expect(await credentialsOf(signed, makeChain().authority)).toMatchObject({ state: "valid" });
  });

  it.each(OUTPUT_FORMATS)(
    "tells of %s that any byte outside of the credentials was changed",
    async (format) => {
      const plain = await draw(format);
      const signed = await signer.sign(plain, format);
      const places = sharedPlaces(plain, signed);
      expect(places.length).toBeGreaterThanOrEqual(plain.length - WEBP_HEAD_BYTES);
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...places), async (place) => {
          const changed = signed.slice();
          changed[place] = (changed[place] ?? 0) ^ 1;
          const told = await inspectPicture(changed).catch(() => undefined);
          // Undefined: the file is broken, or the manifest cannot be found in it any more.
          expect(["valid", "trusted"]).not.toContain(told?.credentials?.state);
        }),
        { numRuns: 100 },
      );
    },
  );

  it("says by its code that its prompt was changed", async () => {
    const signed = Buffer.from(await signer.sign(await draw("jpeg"), "jpeg"));
    const { prompt } = exampleRecord().params;
    const place = signed.indexOf(prompt);
    expect(place).toBeGreaterThan(0);
    signed.write("X", place);
    expect(await credentialsOf(signed, chain.authority)).toMatchObject({
      state: "invalid",
      problems: ["assertion.dataHash.mismatch"],
    });
  });
});

describe("createPictureSigner()", () => {
  it.each([
    ["ECDSA P-384", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]],
    ["ECDSA P-521", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]],
    ["RSA", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]],
    ["Ed25519", ["-algorithm", "ED25519"]],
  ])("signs with a key of %s", async (_name, key) => {
    const other = makeChain({ key });
    const { sign } = await createPictureSigner(other, Date.now());
    const signed = await sign(await draw("webp"), "webp");
    expect(await credentialsOf(signed, other.authority)).toMatchObject({ state: "trusted" });
  });

  it.each<readonly [string, () => { certificates: string; privateKey: string }, number, RegExp]>([
    ["another's key", () => ({ ...chain, privateKey: makeChain().privateKey }), 0, /is of another key/],
    ["no certificate", () => ({ ...chain, certificates: chain.privateKey }), 0, /no PEM certificate/],
    ["no key", () => ({ ...chain, privateKey: chain.authority }), 0, /no PEM private key/],
    ["a certificate that has ended", () => chain, 31 * DAY_MS, /the certificate ended at/],
    ["one that has not begun", () => chain, -DAY_MS, /the certificate begins at/],
    ["a curve that C2PA does not know", () => makeChain({ key: SECP256K1 }), 0, /kind secp256k1/],
    [
      "one for another purpose",
      () => makeChain({ purpose: "serverAuth" }),
      0,
      /refuses it: signingCredential/,
    ],
    ["too many", () => ({ ...chain, certificates: chain.certificates.repeat(5) }), 0, /at most 8/],
  ])("refuses %s, without a word of the key", async (_name, pem, laterMs, message) => {
    const failure = await createPictureSigner(pem(), Date.now() + laterMs).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "config_invalid", message: expect.stringMatching(message) });
    expect(String(failure)).not.toContain("PRIVATE KEY");
  });
});

describe("readCredentials()", () => {
  it("finds none in a picture without, also when it names the word", async () => {
    expect(await credentialsOf(await draw("png"))).toBeUndefined();
    const named = insertTexts(await draw("png"), [["comment", "jumb c2pa urn:c2pa:"]]);
    expect(await credentialsOf(named)).toBeUndefined();
  });

  it("asks no server, wherever the picture points", async () => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    const xmp = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="http://127.0.0.1:${port}/c2pa"/></rdf:RDF></x:xmpmeta>`;
    const bare = await sharp(RGB, { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .png()
      .toBuffer();
    try {
      const found = await credentialsOf(insertTexts(bare, [[PNG_XMP_KEYWORD, xmp]]));
      expect(found?.state ?? "none").not.toMatch(/valid|trusted/);
      expect(asked).toBe(0);
    } finally {
      server.close();
    }
  });
});

/** A WebP's first bytes hold its size, which is another one once it is signed. */
const WEBP_HEAD_BYTES = 12;

/** Where in the signed picture the bytes of the unsigned one are: before and behind what was put in. */
function sharedPlaces(plain: Uint8Array, signed: Uint8Array): number[] {
  let from = WEBP_HEAD_BYTES;
  while (from < plain.length && plain[from] === signed[from]) from++;
  let behind = 0;
  while (behind < plain.length - from && plain.at(-1 - behind) === signed.at(-1 - behind)) behind++;
  return Array.from(signed.keys()).filter(
    (place) => (place >= WEBP_HEAD_BYTES && place < from) || place >= signed.length - behind,
  );
}

const SECP256K1 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"];
