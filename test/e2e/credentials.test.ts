import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { decodePng, REPOSITORY_ROOT, startTestFarm, type TestFarm } from "../harness/index.js";

const CALL_TIMEOUT_MS = 60_000;

/** How docs/provenance.md makes a certificate to try with. */
const [, RECIPE = "exit 1"] =
  /```sh\n(openssl [^`]+)```/.exec(
    readFileSync(path.join(REPOSITORY_ROOT, "docs", "provenance.md"), "utf8"),
  ) ?? [];

let dir: string;
let farm: TestFarm;

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "latentfarm-credentials-"));
  execFileSync("sh", ["-ec", RECIPE], { cwd: dir, stdio: "pipe" });
  const [certificates, key] = [path.join(dir, "chain.pem"), path.join(dir, "key.pem")];
  farm = await startTestFarm({ env: { FARM_C2PA_CERT: certificates, FARM_C2PA_KEY: key } });
});
afterAll(async () => {
  await farm?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

/** Runs `./farm` in the test's folder; what it prints. */
async function call(...args: readonly string[]): Promise<string> {
  const command = path.join(REPOSITORY_ROOT, "farm");
  return (await promisify(execFile)(command, [...args], { cwd: dir, timeout: CALL_TIMEOUT_MS })).stdout;
}

it("a worker with a certificate signs what it draws, and ./farm inspect tells a file that was changed", {
  timeout: 5 * CALL_TIMEOUT_MS,
}, async () => {
  await call("render", "a sun", "--seed", "1", "--steps", "2", "-o", "one.png", "--url", farm.url);
  expect(await call("inspect", "one.png", "--trust", "authorities.pem")).toMatch(
    /signed by {2}Acme pictures \(Acme\) with Latentfarm \S+\n.*as it was signed, by a signer whom/,
  );
  expect(await call("inspect", "one.png")).toContain("by whoever has this certificate");
  const png = await readFile(path.join(dir, "one.png"));
  png.write("moon", png.indexOf("a sun"));
  await writeFile(path.join(dir, "forged.png"), png);
  expect(await call("inspect", "forged.png", "--trust", "authorities.pem")).toContain(
    "CHANGED since it was signed, or signed wrongly: assertion.dataHash.mismatch",
  );
  await call("render", "--like", "one.png", "-o", "two.png", "--url", farm.url);
  expect(decodePng(await readFile(path.join(dir, "two.png")))).toEqual(
    decodePng(await readFile(path.join(dir, "one.png"))),
  );
});
