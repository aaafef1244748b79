import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DOCKER_FOLDER } from "../dockerfile/read-dockerfile.js";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { buildImages, IMAGES, type ImageName, tagOf } from "./build-images.js";
import { readImageConfig } from "./image-config.js";
import { type ImageLayers, readLayers, removeLayers, wordsIn } from "./layers.js";
import { sbomProblems } from "./sbom.js";
import { openWorkshop, type Workshop } from "./workshop.js";

/** A first build on two busy cores with a slow registry. */
const BUILD_MS_MAX = 900_000;
const MEGABYTE = 1_000_000;

/** How far an image's size may be from the one that infra/docker/README.md states, as a part of it. */
const SIZE_DEVIATION_MAX = 0.15;

const ENVIRONMENTS: Readonly<Record<ImageName, readonly string[]>> = {
  gateway: ["FARM_HOST=0.0.0.0", "FARM_PORT=8080"],
  "worker-cpu": ["FARM_DEVICE=cpu", "FARM_METRICS_HOST=0.0.0.0", "FARM_METRICS_PORT=9464"],
  courier: ["FARM_METRICS_HOST=0.0.0.0", "FARM_METRICS_PORT=9464"],
  cli: [],
};

let workshop: Workshop;
let marks: readonly string[];
let images: ImageLayers;

beforeAll(async () => {
  workshop = await openWorkshop();
  marks = await buildImages(workshop);
  images = await readLayers(workshop);
}, BUILD_MS_MAX);
afterAll(() => {
  removeLayers(workshop);
  rmSync(path.join(workshop.folder, "unpacked"), { recursive: true, force: true });
});

describe("the Dockerfile", () => {
  const lint = (...args: readonly string[]) =>
    spawnSync(process.env.FARM_TEST_HADOLINT ?? "hadolint", args, { encoding: "utf8" });

  it("is in order by hadolint, which finds a planted fault", () => {
    const { status, stdout } = lint(path.join(DOCKER_FOLDER, "Dockerfile"));
    expect([status, stdout]).toEqual([0, ""]);
    const planted = path.join(workshop.folder, "planted.Dockerfile");
    writeFileSync(planted, "FROM docker.io/library/node\nRUN apt-get install curl\n");
    expect(lint(planted).stdout).toContain("DL3006");
  });
});

describe.each(IMAGES)("the image %s", (image) => {
  it("says how it is run", async () => {
    const app = image === "worker-cpu" ? "worker" : image;
    const config = await readImageConfig(workshop, tagOf(image));
    expect(config).toMatchObject({
      User: "10001:10001",
      WorkingDir: "/app",
      StopSignal: "SIGTERM",
      Entrypoint: ["/usr/local/bin/tini", "--", "node", `apps/${app}/dist/main.js`],
    });
    expect(config.Cmd ?? []).toEqual([]);
    expect(config.Volumes ?? {}).toEqual({});
    const environment = config.Env.filter((entry) => !entry.startsWith("PATH=")).toSorted();
    const common = ["NODE_ENV=production", "FARM_DATA=/var/lib/latentfarm"];
    expect(environment).toEqual([...common, ...ENVIRONMENTS[image]].toSorted());
    const port = ENVIRONMENTS[image]
      .map((entry) => /^(FARM_\w*PORT)=(\d+)$/.exec(entry))
      .find((found) => found);
    expect(Object.keys(config.ExposedPorts ?? {})).toEqual(port ? [`${port[2]}/tcp`] : []);
    const check = port ? ["CMD", "node", "healthcheck.mjs", port[1]] : ["NONE"];
    expect(config.Healthcheck?.Test).toEqual(check);
  });

  it("is labelled with what it is, its version and its licence", async () => {
    const { Labels } = await readImageConfig(workshop, tagOf(image));
    const { version } = JSON.parse(readFileSync(path.join(REPOSITORY_ROOT, "package.json"), "utf8"));
    expect(Labels).toMatchObject({
      "org.opencontainers.image.title": `latentfarm/${image}`,
      "org.opencontainers.image.version": version,
      "org.opencontainers.image.revision": "test",
      "org.opencontainers.image.licenses": "Apache-2.0",
    });
  });
});

describe.each(IMAGES)("the files of the image %s", (image) => {
  const layersOf = () => images.layers.get(image) ?? [];
  const names = () => layersOf().flatMap((layer) => layer.names);

  it("holds no weights, sources, tests, tools for development or other platforms' binaries", () => {
    const forbidden = [
      /\.safetensors$/,
      /\.(?:test\.js|d\.ts|map|tsbuildinfo)$/,
      /^app\/(?:apps|packages)\/[^/]+\/(?:src|model|expected|recipe)(?:\/|$)/,
      /^app\/.*\.ts$/,
      /(?:^|\/)\.(?:git|npmrc|turbo)(?:\/|$)/,
      /node_modules\/(?:typescript|vitest|turbo|@turbo|@biomejs|@types)(?:\/|$)/,
      /napi-v6\/(?:darwin|win32)/,
      /@img\/sharp-(?:darwin|win32|linuxmusl|wasm32)/,
      /^usr\/local\/lib\/node_modules\/npm/,
      /^(?:run\/secrets|root\/\.npm|tools|source|build|pruned)\/./,
    ];
    expect(names()).toContain("app/package.json");
    expect(names().filter((name) => forbidden.some((pattern) => pattern.test(name)))).toEqual([]);
  });

  it("holds the engine's library only where something draws or checks", () => {
    const draws = image === "worker-cpu" || image === "cli";
    expect(names().some((name) => name.endsWith("/libonnxruntime.so.1"))).toBe(draws);
  });

  it("is as small above its base as its README says", () => {
    const megabytes = layersOf().reduce((sum, layer) => sum + layer.bytes, 0) / MEGABYTE;
    const stated = statedMegabytes(image);
    expect(megabytes).toBeGreaterThan(stated * (1 - SIZE_DEVIATION_MAX));
    expect(megabytes).toBeLessThan(stated * (1 + SIZE_DEVIATION_MAX));
  });

  it("has no secret of the build in a layer or its configuration", async () => {
    expect(marks).toHaveLength(2);
    for (const { file } of layersOf()) expect(await wordsIn(file, marks)).toEqual([]);
    for (const mark of marks) expect(images.configs.get(image)).not.toContain(mark);
    // The search itself finds what is there.
    const own = layersOf().find((layer) => layer.names.includes("app/package.json"));
    expect(await wordsIn(own?.file ?? "", ["@latentfarm/contract", ...marks])).toEqual([
      "@latentfarm/contract",
    ]);
  });

  it("lists its parts truly", async () => {
    const tree = await unpackApp(image);
    const text = readFileSync(path.join(tree, "sbom.cdx.json"), "utf8");
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot5).validate(text)).toBeNull();
    const lock = JSON.parse(readFileSync(path.join(REPOSITORY_ROOT, "package-lock.json"), "utf8"));
    const installed = installedModules(tree);
    expect(installed.length).toBeGreaterThan(20);
    expect(sbomProblems(JSON.parse(text), lock, installed)).toEqual([]);
  });
});

/** The size of an image above its base, as infra/docker/README.md states it in its table. */
function statedMegabytes(image: ImageName): number {
  const text = readFileSync(path.join(DOCKER_FOLDER, "README.md"), "utf8");
  const row = text.split("\n").find((line) => new RegExp(`^\\| \`${image}\` \\| \\d`).test(line));
  return Number(row?.split("|")[2]);
}

/** The folder /app of an image, from its layers. */
async function unpackApp(image: ImageName): Promise<string> {
  const folder = path.join(workshop.folder, "unpacked", image);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { file, names } of images.layers.get(image) ?? []) {
    if (!names.some((name) => name.startsWith("app/"))) continue;
    const { status, stderr } = spawnSync("tar", ["-xf", file, "-C", folder, "app"], { encoding: "utf8" });
    if (status !== 0) throw new Error(`Cannot unpack ${file}: ${stderr}`);
  }
  return path.join(folder, "app");
}

/** `name@version` of every module below a tree's node_modules folders; the farm's own are links, and left out. */
function installedModules(tree: string): readonly string[] {
  const manifests = spawnSync("find", [tree, "-type", "f", "-name", "package.json"], {
    encoding: "utf8",
  }).stdout;
  return manifests
    .trim()
    .split("\n")
    .filter((file) => /\/node_modules\/(?:@[^/]+\/)?[^/@]+\/package\.json$/.test(file))
    .map((file) => JSON.parse(readFileSync(file, "utf8")))
    .map(({ name, version }: { name: string; version: string }) => `${name}@${version}`);
}
