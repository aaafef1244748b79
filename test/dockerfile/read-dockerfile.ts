import { readFileSync } from "node:fs";
import path from "node:path";
import { REPOSITORY_ROOT } from "../harness/index.js";

/** Where everything about the images lies. */
export const DOCKER_FOLDER: string = path.join(REPOSITORY_ROOT, "infra/docker");

/** One stage of a Dockerfile. */
export interface Stage {
  readonly name: string;
  /** What it begins from, with the defaults of the arguments before the first FROM put in. */
  readonly base: string;
  /** Its instructions after FROM, each as a line without line breaks. */
  readonly instructions: readonly string[];
}

/** Reads a Dockerfile as far as the farm's own goes: comments, continued lines, ARG before FROM, named stages. */
export function readDockerfile(text: string): readonly Stage[] {
  const lines = text
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .join("\n")
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const defaults = new Map<string, string>();
  const stages: { name: string; base: string; instructions: string[] }[] = [];
  for (const line of lines) {
    const from = /^FROM\s+(\S+)(?:\s+AS\s+(\S+))?$/.exec(line);
    if (from !== null) {
      const base = (from[1] ?? "").replaceAll(/\$\{(\w+)\}/g, (_, name: string) => defaults.get(name) ?? "");
      stages.push({ name: from[2] ?? String(stages.length), base, instructions: [] });
    } else if (stages.length === 0) {
      const [, name, value] = /^ARG\s+(\w+)(?:=(.*))?$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`Cannot read the Dockerfile: before FROM stands ${line}`);
      defaults.set(name, value ?? "");
    } else {
      stages.at(-1)?.instructions.push(line);
    }
  }
  return stages;
}

/** The farm's own Dockerfile. */
export function ownDockerfile(): readonly Stage[] {
  return readDockerfile(readFileSync(path.join(DOCKER_FOLDER, "Dockerfile"), "utf8"));
}

/** The stage of that name. Throws when there is none. */
export function stageOf(stages: readonly Stage[], name: string): Stage {
  const found = stages.find((stage) => stage.name === name);
  if (found === undefined) throw new Error(`Cannot find a stage: name is ${name}`);
  return found;
}

/** A stage's instructions with those of the stages that it begins from, first ones first. */
export function inheritedInstructions(stages: readonly Stage[], name: string): readonly string[] {
  const stage = stageOf(stages, name);
  const isStage = stages.some((other) => other.name === stage.base);
  return [...(isStage ? inheritedInstructions(stages, stage.base) : []), ...stage.instructions];
}
