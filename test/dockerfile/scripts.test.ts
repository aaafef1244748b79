import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DOCKER_FOLDER } from "./read-dockerfile.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "docker-scripts-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function plant(...files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), "planted");
  }
}

const has = (file: string) => existsSync(path.join(folder, file));

function runScript(name: string, ...args: readonly string[]) {
  const { status, stderr } = spawnSync("sh", [path.join(DOCKER_FOLDER, name), ...args], { encoding: "utf8" });
  return { status, stderr };
}

describe("trim-modules.sh", () => {
  const onnxruntime = "node_modules/onnxruntime-node/bin/napi-v6";
  const own = `${onnxruntime}/${process.platform}/${process.arch}/libonnxruntime.so.1`;

  it("keeps what runs and licences, and takes away the rest", () => {
    const kept = [
      own,
      "node_modules/one/index.js",
      "node_modules/one/LICENSE",
      "node_modules/one/lib/test/needed.js",
      "node_modules/@scope/docs/index.js",
      "packages/queue/node_modules/two/index.js",
    ];
    const gone = [
      `${onnxruntime}/freebsd/x64/libonnxruntime.so.1`,
      `${onnxruntime}/${process.platform}/riscv64/libonnxruntime.so.1`,
      "node_modules/one/index.d.ts",
      "node_modules/one/index.js.map",
      "node_modules/one/src/index.ts",
      "node_modules/one/dist/one.test.js",
      "node_modules/one/test/one.js",
      "node_modules/@scope/two/docs/page.md",
      "packages/queue/node_modules/two/index.d.mts",
    ];
    plant(...kept, ...gone);
    expect(runScript("trim-modules.sh", folder).status).toBe(0);
    expect(kept.filter((file) => !has(file))).toEqual([]);
    expect(gone.filter(has)).toEqual([]);
  });

  it("does nothing for an app without onnxruntime, and fails for one without this platform's", () => {
    plant("node_modules/one/index.js");
    expect(runScript("trim-modules.sh", folder).status).toBe(0);
    plant(`${onnxruntime}/freebsd/x64/libonnxruntime.so.1`);
    const { status, stderr } = runScript("trim-modules.sh", folder);
    expect(status).toBe(1);
    expect(stderr).toContain(`it has no binaries for ${process.platform}/${process.arch}`);
  });
});

describe("collect-output.sh", () => {
  it("copies the output of the pruned tree's packages, without declarations, maps and test code", () => {
    plant(
      "pruned/apps/gateway/package.json",
      "pruned/packages/queue/package.json",
      "built/apps/gateway/dist/main.js",
      "built/apps/gateway/dist/main.d.ts",
      "built/apps/gateway/dist/testing/fake-farm.js",
      "built/apps/worker/dist/main.js",
      "built/packages/queue/dist/index.js",
      "built/packages/queue/dist/index.js.map",
      "built/packages/queue/src/index.ts",
    );
    const folders = ["pruned", "built", "out"].map((name) => path.join(folder, name));
    expect(runScript("collect-output.sh", ...folders)).toEqual({ status: 0, stderr: "" });
    const files = spawnSync("find", [".", "-type", "f"], { cwd: folders[2], encoding: "utf8" }).stdout;
    expect(files.trim().split("\n").toSorted()).toEqual([
      "./apps/gateway/dist/main.js",
      "./packages/queue/dist/index.js",
    ]);
  });

  it("fails when a package was not built", () => {
    plant("pruned/packages/queue/package.json");
    mkdirSync(path.join(folder, "built"));
    const folders = ["pruned", "built", "out"].map((name) => path.join(folder, name));
    expect(runScript("collect-output.sh", ...folders).status).not.toBe(0);
  });
});

describe("npm-with-secrets.sh", () => {
  it("names the secrets to npm only where they are mounted, and writes them nowhere", () => {
    const text = readFileSync(path.join(DOCKER_FOLDER, "npm-with-secrets.sh"), "utf8");
    expect(text).toContain("if [ -f /run/secrets/npmrc ]");
    const npm = path.join(folder, "npm");
    writeFileSync(npm, '#!/bin/sh\necho "$NPM_CONFIG_USERCONFIG|$*"\n', { mode: 0o755 });
    const script = path.join(DOCKER_FOLDER, "npm-with-secrets.sh");
    const env = { PATH: `${folder}:/usr/bin:/bin`, NPM_CONFIG_USERCONFIG: "of the image" };
    const { stdout } = spawnSync("sh", [script, "ci", "--omit=dev"], { encoding: "utf8", env });
    expect(stdout.trim()).toBe("of the image|ci --omit=dev");
  });
});

describe("healthcheck.mjs", () => {
  function check(port: number): Promise<number | null> {
    const script = path.join(DOCKER_FOLDER, "healthcheck.mjs");
    const child = spawn(process.execPath, [script, "SOME_PORT"], { env: { SOME_PORT: String(port) } });
    return new Promise((resolve) => child.once("exit", resolve));
  }

  async function checkAgainst(status: number): Promise<{ exit: number | null; url: string | undefined }> {
    let url: string | undefined;
    const server = createServer((request, response) => {
      url = request.url;
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const exit = await check(typeof address === "object" && address !== null ? address.port : 0);
    server.close();
    return { exit, url };
  }

  it("is 0 when /healthz answers well", async () => {
    expect(await checkAgainst(200)).toEqual({ exit: 0, url: "/healthz" });
  });

  it("is 1 when it answers that it is not well, and when nothing answers", async () => {
    expect((await checkAgainst(503)).exit).toBe(1);
    expect(await check(1)).toBe(1);
  });
});
