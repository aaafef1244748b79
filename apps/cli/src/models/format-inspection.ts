import type { InspectedFile, ModelInspection } from "@latentfarm/sd35";
import pc from "picocolors";
import { formatBytes } from "./format-bytes.js";

/** An inspection for people: the verdict first, then the files, then why not. */
export function formatInspection(inspection: ModelInspection): string {
  const { name, description, files, problems, notes, runnable, dir } = inspection;
  const verdict = runnable ? pc.green("can run") : pc.red("cannot run");
  const about = description ? `, ${description.architecture}` : "";
  return [
    `${pc.bold(name)}${about}: ${verdict}  ${pc.dim(dir)}`,
    ...files.flatMap(formatFile),
    ...problems.map((problem) => `${pc.red("problem:")} ${problem}`),
    ...notes.map((note) => `${pc.yellow("note:")} ${note}`),
    ...(description ? [formatDefaults(description)] : []),
  ].join("\n");
}

function formatFile(file: InspectedFile): string[] {
  const dtypes = Object.entries(file.dtypes)
    .sort(([, a], [, b]) => b - a)
    .map(([dtype, bytes]) => `${dtype} ${formatBytes(bytes)}`);
  const form =
    file.quantization === undefined || file.quantization === "none" ? [] : [`FP8 form ${file.quantization}`];
  const roles = file.roles.length > 0 ? `used for ${file.roles.join(", ")}` : "not used";
  return [
    `  ${file.path}  ${formatBytes(file.bytes)}`,
    `    ${[file.kind, roles].join("; ")}`,
    ...(dtypes.length > 0 ? [`    ${[...dtypes, ...form].join(", ")}`] : []),
  ];
}

function formatDefaults({ defaults, limits }: NonNullable<ModelInspection["description"]>): string {
  const { width, height, steps, guidance_scale, sampler, scheduler, shift } = defaults;
  const drawing = `${width}x${height}, ${steps} steps of ${sampler} on ${scheduler}`;
  const largest = `${limits.width_max}x${limits.height_max}`;
  return `defaults: ${drawing}, guidance ${guidance_scale}, shift ${shift}; largest picture ${largest}`;
}
