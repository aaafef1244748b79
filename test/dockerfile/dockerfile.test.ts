import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { pinProblems } from "./pins.js";
import {
  DOCKER_FOLDER,
  inheritedInstructions,
  ownDockerfile,
  readDockerfile,
  stageOf,
} from "./read-dockerfile.js";

const IMAGES = ["gateway", "worker-cpu", "worker-cuda", "courier", "cli"];
const stages = ownDockerfile();

function readJson(...parts: readonly string[]) {
  return JSON.parse(readFileSync(path.join(REPOSITORY_ROOT, ...parts), "utf8"));
}

describe("the Dockerfile", () => {
  it("has every base pinned to an exact version", () => {
    expect(pinProblems(stages)).toEqual([]);
    expect(stages.map(({ name }) => name)).toEqual(expect.arrayContaining(IMAGES));
  });

  it("bases its images on a Node that the farm runs on", () => {
    const version = /node:(\d+)\.(\d+)\.\d+-/.exec(stageOf(stages, "toolchain").base);
    expect(readJson("package.json").engines.node).toBe(">=20.19.0");
    expect(Number(version?.[1])).toBe(20);
    expect(Number(version?.[2])).toBeGreaterThanOrEqual(19);
    expect(readFileSync(path.join(REPOSITORY_ROOT, ".node-version"), "utf8").trim()).toBe(version?.[1]);
  });

  it("gives each image the version of the release, and a user that is not root", () => {
    const version: string = readJson("package.json").version;
    for (const image of IMAGES) {
      const instructions = inheritedInstructions(stages, image);
      expect(instructions).toContain(`ARG VERSION=${version}`);
      expect(instructions.findLast((line) => line.startsWith("USER "))).toBe("USER 10001:10001");
      expect(instructions).toContain("STOPSIGNAL SIGTERM");
    }
  });

  it("copies into an image only what is built for it", () => {
    for (const image of IMAGES) {
      const copies = stageOf(stages, image).instructions.filter((line) => line.startsWith("COPY "));
      expect(copies).toHaveLength(2);
      expect(copies.every((line) => /^COPY --from=(modules-[\w-]+|build) \/[\w/-]+\/ \.\/$/.test(line))).toBe(
        true,
      );
      expect(stageOf(stages, image).instructions.some((line) => line.startsWith("RUN "))).toBe(false);
    }
  });
});

describe("the image for CUDA", () => {
  const onnxruntime = "node_modules/onnxruntime-node";

  it("takes CUDA's libraries by the script of the release in the lock file, then checks them", () => {
    const locked: string = readJson("package-lock.json").packages[onnxruntime].version;
    expect(readJson(onnxruntime, "package.json").version).toBe(locked);
    const { instructions, base } = stageOf(stages, "modules-worker-cuda");
    expect(base).toBe("modules-cli");
    const runs = instructions.filter((line) => line.startsWith("RUN "));
    expect(runs[1]).toContain(`node ${onnxruntime}/script/install.js --onnxruntime-node-install=`);
    expect(runs[2]).toContain("from=cuda-base");
    expect(runs[2]).toContain(`check-cuda-libraries.sh ${onnxruntime}/bin/napi-v6/linux/x64`);
    expect(stageOf(stages, "runtime-cuda").base).toBe(stageOf(stages, "cuda-base").base);
  });

  it("asks for a manifest that the locked release has, of that release's own libraries", async () => {
    const script = path.join(REPOSITORY_ROOT, onnxruntime, "script/install-metadata.js");
    const { default: metadata } = await import(script);
    const asked = stageOf(stages, "modules-worker-cuda")
      .instructions.find((line) => line.startsWith("ARG ONNXRUNTIME_CUDA="))
      ?.split("=")[1];
    expect(metadata.requirements["linux/x64"]).toContain(asked);
    const files: Record<string, { package: string }> = metadata.manifests[`linux/x64:${asked}`];
    expect(Object.keys(files)).toContain("./libonnxruntime_providers_cuda.so");
    const source = files["./libonnxruntime_providers_cuda.so"]?.package ?? "";
    const locked: string = readJson("package-lock.json").packages[onnxruntime].version;
    expect(metadata.packages[source].versions.map(({ version }: { version: string }) => version)).toContain(
      locked,
    );
  });
});

describe("docker-bake.json", () => {
  const bake = readJson("infra/docker/docker-bake.json");

  it("builds every image of the Dockerfile, on the same bases", () => {
    expect(bake.group.all.targets.toSorted()).toEqual(IMAGES.toSorted());
    for (const image of IMAGES) {
      expect(bake.target[image].target).toBe(image);
      expect(bake.target[image].tags).toEqual([`\${REGISTRY}latentfarm/${image}:\${VERSION}`]);
    }
    // By digest, which the Dockerfile cannot name: test/images puts an image of its own under the tag.
    const [node, digest] = bake.variable.NODE_IMAGE.default.split("@");
    expect(node).toBe(stageOf(stages, "toolchain").base);
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(bake.variable.CUDA_IMAGE.default).toBe(stageOf(stages, "cuda-base").base);
    expect(bake.variable.VERSION.default).toBe(readJson("package.json").version);
    expect(path.join(REPOSITORY_ROOT, bake.target.common.dockerfile)).toBe(
      path.join(DOCKER_FOLDER, "Dockerfile"),
    );
  });
});

describe("pinProblems()", () => {
  const problemsOf = (base: string) => pinProblems(readDockerfile(`ARG BASE=${base}\nFROM \${BASE} AS one`));

  it.each([
    ["docker.io/library/node:20.20.2-bookworm-slim"],
    [`docker.io/library/node:20@sha256:${"a1".repeat(32)}`],
  ])("accepts %s", (base) => {
    expect(problemsOf(base)).toEqual([]);
  });

  it.each([
    ["docker.io/library/node", "has no version"],
    ["docker.io/library/node:latest", "has no exact version"],
    ["docker.io/library/node:20-bookworm-slim", "has no exact version"],
    ["docker.io/library/node:20.20-slim", "has no exact version"],
    ["node:20.20.2-bookworm-slim", "names no registry"],
    ["docker.io/library/node:20.20.2@sha256:abc", "digest of a wrong form"],
  ])("refuses %s", (base, problem) => {
    expect(problemsOf(base)).toEqual([expect.stringContaining(problem)]);
  });

  it("takes an earlier stage as a base, and no later one", () => {
    const text =
      "FROM docker.io/library/node:20.20.2 AS one\nFROM one AS two\nFROM four AS three\nFROM two AS four";
    expect(pinProblems(readDockerfile(text))).toEqual([
      expect.stringContaining("three: four names no registry"),
    ]);
  });
});
