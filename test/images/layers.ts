import { spawnSync } from "node:child_process";
import { createReadStream, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { BASE_IMAGE } from "./base-image.js";
import { IMAGES, type ImageName, tagOf } from "./build-images.js";
import type { Workshop } from "./workshop.js";

/** One layer of an image, as a tar archive of what it adds or takes away. */
export interface Layer {
  readonly file: string;
  readonly bytes: number;
  /** The paths in it. */
  readonly names: readonly string[];
}

/** The layers of each image above its base, and each image's configuration as text. */
export interface ImageLayers {
  readonly layers: ReadonlyMap<ImageName, readonly Layer[]>;
  readonly configs: ReadonlyMap<ImageName, string>;
}

interface Manifest {
  readonly layers: readonly { readonly digest: string }[];
  readonly config: { readonly digest: string };
}

/** Writes the images out as a registry would get them, but for compression, and reads what each layer holds. */
export async function readLayers(workshop: Workshop): Promise<ImageLayers> {
  const baseLayers = (await exportImage(workshop, BASE_IMAGE, "base")).manifest.layers.length;
  const layers = new Map<ImageName, readonly Layer[]>();
  const configs = new Map<ImageName, string>();
  for (const image of IMAGES) {
    const { folder, manifest } = await exportImage(workshop, tagOf(image), image);
    const blobOf = ({ digest }: { digest: string }) => path.join(folder, digest.replace("sha256:", ""));
    layers.set(
      image,
      manifest.layers.slice(baseLayers).map((layer) => readLayer(blobOf(layer))),
    );
    configs.set(image, readFileSync(blobOf(manifest.config), "utf8"));
  }
  return { layers, configs };
}

/** Takes away what readLayers() has written. */
export function removeLayers(workshop: Workshop): void {
  rmSync(path.join(workshop.folder, "layers"), { recursive: true, force: true });
}

async function exportImage(
  workshop: Workshop,
  tag: string,
  name: string,
): Promise<{ folder: string; manifest: Manifest }> {
  const folder = path.join(workshop.folder, "layers", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.dirname(folder), { recursive: true });
  await workshop.buildah("push", "--disable-compression", tag, `dir:${folder}`);
  return { folder, manifest: JSON.parse(readFileSync(path.join(folder, "manifest.json"), "utf8")) };
}

function readLayer(file: string): Layer {
  const { status, stdout } = spawnSync("tar", ["--list", "--file", file], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`Cannot list a layer: file is ${file}`);
  return { file, bytes: statSync(file).size, names: stdout.trim().split("\n") };
}

/** Those of the words that a file holds anywhere. */
export async function wordsIn(file: string, words: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  const longest = Math.max(...words.map((word) => word.length));
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: 4 * 1024 * 1024 })) {
    const seen = Buffer.concat([rest, chunk]);
    for (const word of words) if (seen.includes(word)) found.add(word);
    rest = seen.subarray(-longest);
  }
  return [...found];
}
