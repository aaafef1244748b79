#!/usr/bin/env node
// Writes sbom.cdx.json, the list of what a production tree holds (CycloneDX, by npm itself), and leaves in the tree's
// manifests only what is installed. Usage: write-sbom.mjs APP_FOLDER APP
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Bytes of npm's answer: a hundred packages take 130 kB. */
const SBOM_BYTES_MAX = 16 * 1024 * 1024;

const [root, app] = process.argv.slice(2);
if (root === undefined || app === undefined) {
  process.stderr.write("Usage: write-sbom.mjs APP_FOLDER APP\n");
  process.exit(2);
}

const manifests = ["apps", "packages"].flatMap((group) => {
  const folder = join(root, group);
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name, "package.json")) : [];
});
// npm calls a tree broken whose manifests name development packages that are absent.
for (const file of [join(root, "package.json"), ...manifests]) {
  const { devDependencies: _, ...manifest } = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

const answer = execFileSync(
  "npm",
  ["sbom", "--sbom-format=cyclonedx", "--sbom-type=application", "--omit=dev"],
  { cwd: root, encoding: "utf8", maxBuffer: SBOM_BYTES_MAX },
);
// The random serial number and the clock would make two builds of one commit differ.
const { serialNumber: _, metadata, ...sbom } = JSON.parse(answer);
const { timestamp: __, ...described } = metadata;
const component = { ...described.component, name: `latentfarm/${app}` };
writeFileSync(
  join(root, "sbom.cdx.json"),
  `${JSON.stringify({ ...sbom, metadata: { ...described, component } }, null, 1)}\n`,
);
// They describe an install, and nothing reads them at run time.
for (const name of ["package-lock.json", ".npmrc", "node_modules/.package-lock.json"]) {
  rmSync(join(root, name), { force: true });
}
