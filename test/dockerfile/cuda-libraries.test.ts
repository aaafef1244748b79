import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DOCKER_FOLDER } from "./read-dockerfile.js";

const SCRIPT = path.join(DOCKER_FOLDER, "check-cuda-libraries.sh");
const hasTools = ["gcc", "readelf"].every((name) => spawnSync(name, ["--version"]).status === 0);
/** Where every tool is required, a machine without a compiler fails. */
const testWithCompiler = test.skipIf(!hasTools && process.env.FARM_TEST_REQUIRED !== "1");

/** What onnxruntime's library for CUDA 13 names. */
const CUDA_13 = [
  "libcudart.so.13",
  "libcublas.so.13",
  "libcublasLt.so.13",
  "libcurand.so.10",
  "libcuda.so.1",
];
/** What an image for CUDA 13 holds. */
const IMAGE_13 = [...CUDA_13.slice(0, 4), "libcudnn.so.9"];

let folder: string;
let libraries: string;
let image: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "cuda-libraries-"));
  libraries = path.join(folder, "libraries");
  image = path.join(folder, "image");
  mkdirSync(libraries);
  mkdirSync(path.join(image, "usr/local/cuda-13.0/lib64"), { recursive: true });
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Makes a real shared library of that name, which needs others by their names. */
function plantLibrary(file: string, needs: readonly string[]): void {
  const stubs = needs.map((name) => {
    const stub = path.join(folder, name);
    compile([`-Wl,-soname,${name}`, "-o", stub]);
    return stub;
  });
  compile(["-Wl,--no-as-needed", "-o", file, ...stubs]);
}

function compile(args: readonly string[]): void {
  const source = path.join(folder, "empty.c");
  writeFileSync(source, "int planted(void) { return 0; }\n");
  const { status, stderr } = spawnSync("gcc", ["-shared", "-nostdlib", "-fPIC", source, ...args], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`gcc failed: ${stderr}`);
}

function plantImage(names: readonly string[]): void {
  for (const name of names) writeFileSync(path.join(image, "usr/local/cuda-13.0/lib64", name), "");
}

function check(): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync("sh", [SCRIPT, libraries, image], { encoding: "utf8" });
  return { status, output: stdout + stderr };
}

testWithCompiler("check-cuda-libraries.sh passes when the image has all that is needed", () => {
  plantLibrary(path.join(libraries, "libonnxruntime_providers_cuda.so"), [
    ...CUDA_13,
    "libonnxruntime_providers_shared.so",
  ]);
  plantLibrary(path.join(libraries, "libonnxruntime_providers_shared.so"), []);
  plantImage(IMAGE_13);
  const { status, output } = check();
  expect(output).toContain("libonnxruntime_providers_cuda.so needs libcudart.so.13: it is there");
  expect(status).toBe(0);
});

testWithCompiler("check-cuda-libraries.sh fails on the CUDA of another version, and names both", () => {
  plantLibrary(path.join(libraries, "libonnxruntime_providers_cuda.so"), [
    "libcudart.so.12",
    "libcublas.so.12",
  ]);
  plantImage(IMAGE_13);
  const { status, output } = check();
  expect(status).toBe(1);
  expect(output).toContain("needs libcudart.so.12: it is absent, there is libcudart.so.13");
  expect(output).toContain("the base image (CUDA_IMAGE) has not: libcudart.so.12 libcublas.so.12");
});

testWithCompiler("check-cuda-libraries.sh asks for cuDNN, which no file names", () => {
  plantLibrary(path.join(libraries, "libonnxruntime_providers_cuda.so"), CUDA_13);
  plantImage(IMAGE_13.filter((name) => !name.startsWith("libcudnn")));
  const { status, output } = check();
  expect(status).toBe(1);
  expect(output).toContain("has not: libcudnn.so.9");
});

testWithCompiler("check-cuda-libraries.sh looks at every library of the folder", () => {
  plantLibrary(path.join(libraries, "libonnxruntime_providers_cuda.so"), CUDA_13);
  plantLibrary(path.join(libraries, "libonnxruntime.so.1"), ["libabsent.so.1"]);
  plantImage(IMAGE_13);
  expect(check()).toMatchObject({ status: 1, output: expect.stringContaining("has not: libabsent.so.1") });
});

testWithCompiler("check-cuda-libraries.sh takes no other library for one whose name it begins", () => {
  plantLibrary(path.join(libraries, "libonnxruntime_providers_cuda.so"), ["libcublas.so.13"]);
  plantImage(["libcublas.so.13.1", "libxcublas.so.13", "libcudnn.so.9"]);
  expect(check().status).toBe(1);
});

test("check-cuda-libraries.sh fails when the libraries for CUDA were not fetched", () => {
  expect(check()).toMatchObject({ status: 1, output: expect.stringContaining("is not in") });
});

testWithCompiler("check-cuda-libraries.sh fails on what is no library", () => {
  writeFileSync(path.join(libraries, "libonnxruntime_providers_cuda.so"), "<html>not found</html>");
  plantImage(IMAGE_13);
  expect(check().status).toBe(1);
});
