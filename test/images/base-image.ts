import { cpSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ownDockerfile, stageOf } from "../dockerfile/read-dockerfile.js";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { runProgram, type Workshop } from "./workshop.js";

/** The release of Debian under the base image. */
const SUITE = "bookworm";

/** The name and version that the Dockerfile gives its base. */
export const BASE_IMAGE: string = stageOf(ownDockerfile(), "toolchain").base;

/**
 * Makes an image under the base's name, since no image registry is in reach: a small Debian with this machine's Node at
 * the same places (`/usr/local/bin/node`, npm beside it). What it stands for has Node's own build of that version.
 */
export async function ensureBaseImage(workshop: Workshop): Promise<void> {
  const held = await workshop.buildah("images", "--format", "{{.Name}}:{{.Tag}}");
  if (held.split("\n").includes(BASE_IMAGE)) return;
  const context = path.join(workshop.folder, "base");
  rmSync(context, { recursive: true, force: true });
  const root = path.join(context, "rootfs/usr/local");
  mkdirSync(path.join(root, "bin"), { recursive: true });
  cpSync(process.execPath, path.join(root, "bin/node"));
  const modules = await runProgram("npm", ["root", "--global"], path.join(workshop.folder, "npm.log"));
  cpSync(path.join(modules.trim(), "npm"), path.join(root, "lib/node_modules/npm"), { recursive: true });
  for (const name of ["npm", "npx"]) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, path.join(root, "bin", name));
  }
  cpSync(await debianArchive(workshop), path.join(context, "debian.tar"));
  writeFileSync(path.join(context, "Containerfile"), "FROM scratch\nADD debian.tar /\nCOPY rootfs/ /\n");
  await workshop.buildah("bud", "--isolation", "chroot", "--format", "docker", "--tag", BASE_IMAGE, context);
  rmSync(context, { recursive: true });
}

/** A minimal Debian with apt and the C++ library that Node asks for, from Debian's mirror; made once. */
async function debianArchive(workshop: Workshop): Promise<string> {
  const folder = path.join(REPOSITORY_ROOT, ".farm/tools");
  const archive = path.join(folder, `debian-${SUITE}.tar`);
  if (existsSync(archive)) return archive;
  mkdirSync(folder, { recursive: true });
  const begun = path.join(folder, `.debian-${SUITE}.tar`);
  const args = ["--quiet", "--variant=apt", "--include=libstdc++6", SUITE, begun];
  await runProgram("mmdebstrap", args, path.join(workshop.folder, "mmdebstrap.log"));
  renameSync(begun, archive);
  return archive;
}
