import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ensureBaseImage } from "./base-image.js";
import { readIfPresent, runProgram, type Workshop } from "./workshop.js";

/** The images that need no CUDA. */
export const IMAGES = ["gateway", "worker-cpu", "courier", "cli"] as const;
/** The name of one of them. */
export type ImageName = (typeof IMAGES)[number];

/** The name that an image has in the workshop. */
export function tagOf(image: ImageName): string {
  return `localhost/latentfarm/${image}:test`;
}

/**
 * Builds the images with this machine's npm settings and certificates as secrets. Each secret carries a mark that no
 * layer may hold. The test files of one run build once: the first writes down that it has.
 * @returns the marks
 */
export async function buildImages(workshop: Workshop): Promise<readonly string[]> {
  const noteFile = path.join(workshop.folder, "built.json");
  const note: { runner?: number; marks?: string[] } = JSON.parse(readIfPresent(noteFile) || "{}");
  if (note.runner === process.ppid && note.marks !== undefined) return note.marks;
  await ensureBaseImage(workshop);
  const marks = await buildWithSecrets(workshop);
  writeFileSync(noteFile, JSON.stringify({ runner: process.ppid, marks }));
  return marks;
}

async function buildWithSecrets(workshop: Workshop): Promise<readonly string[]> {
  const secrets = mkdtempSync(path.join(tmpdir(), "images-secrets-"));
  try {
    const marks = ["npmrc", "ca"].map((name) => `mark-of-${name}-${randomUUID()}`);
    const [npmrcMark = "", caMark = ""] = marks;
    const npmrc = readIfPresent(await npmSetting(workshop, "userconfig"));
    writeFileSync(path.join(secrets, "npmrc"), `${npmrc}\n//registry.invalid/:_authToken=${npmrcMark}\n`);
    const certificates = process.env.NODE_EXTRA_CA_CERTS ?? (await npmSetting(workshop, "cafile"));
    writeFileSync(path.join(secrets, "ca"), `${readIfPresent(certificates)}\n# ${caMark}\n`);
    for (const image of IMAGES) await buildImage(workshop, image, secrets);
    return marks;
  } finally {
    rmSync(secrets, { recursive: true });
  }
}

async function buildImage(workshop: Workshop, image: ImageName, secrets: string): Promise<void> {
  await workshop.buildah(
    ...["bud", "--isolation", "chroot", "--format", "docker", "--layers", "--pull-never"],
    ...["npmrc", "ca"].flatMap((id) => ["--secret", `id=${id},src=${path.join(secrets, id)}`]),
    ...["--build-arg", "REVISION=test", "--target", image, "--tag", tagOf(image)],
    ...["--file", "infra/docker/Dockerfile", "."],
  );
}

async function npmSetting(workshop: Workshop, name: string): Promise<string> {
  const value = await runProgram("npm", ["config", "get", name], path.join(workshop.folder, "npm.log"));
  return value.trim();
}
