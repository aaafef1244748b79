import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type CpuProfile, type ProfileSummary, summarizeProfile } from "../measure/cpu-profile.js";
import { formatTable } from "../measure/report.js";
import { startRole } from "../measure/role-process.js";
import { startGatewayProcess } from "./gateway-process.js";
import { submitTarget } from "./submit.js";
import type { LoadCalls } from "./submit-load.js";

const CONNECTIONS = 16;
const SECONDS = 10;

/** Where the gateway's time goes while it takes in as many jobs as it can. */
export async function profileGateway(): Promise<ProfileSummary> {
  const folder = await mkdtemp(path.join(tmpdir(), "latentfarm-profile-"));
  try {
    await fillProfile(folder);
    const [file = ""] = await readdir(folder);
    // Node's own file.
    const profile = JSON.parse(await readFile(path.join(folder, file), "utf8")) as CpuProfile;
    return summarizeProfile(profile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The shares as tables for people. */
export function formatProfile({ busyMs, functions, packages }: ProfileSummary): string {
  const table = (heading: string, rows: ProfileSummary["functions"]) =>
    formatTable(
      [heading, "share"],
      rows.map(({ name, share }) => [name, `${(100 * share).toFixed(1)}%`]),
    );
  return [
    `${(busyMs / 1_000).toFixed(1)} s of work, start included.`,
    table("by package", packages),
    table("by function", functions),
  ].join("\n\n");
}

/** The profile is written when the gateway ends. */
async function fillProfile(folder: string): Promise<void> {
  await using gateway = await startGatewayProcess({ nodeFlags: ["--cpu-prof", `--cpu-prof-dir=${folder}`] });
  await using load = startRole<LoadCalls>("load");
  await load.call("closedLoop", {
    target: submitTarget(gateway),
    connections: CONNECTIONS,
    seconds: SECONDS,
  });
}
