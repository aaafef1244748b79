import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FARM_ENV_HELP } from "@latentfarm/contract";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { describeSizing, sizingCommand } from "../commands/sizing.js";
import type { CommandContext } from "../context.js";
import { createProgram } from "../program.js";
import { ROOT } from "../root.js";

const GUIDES = ["docs/operations.md", "infra/compose/README.md"] as const;
const read = (name: string) => readFileSync(join(ROOT, name), "utf8");
const DEFAULTS = { efficiency: 0.5, spot: 0.5, textTokens: 333, price: {} };

/** Nothing of it is used before a command runs. */
const context = { terminal: { out: () => undefined, err: () => undefined } } as unknown as CommandContext;

/** The command that words name, and those words that name none of it. */
function findCommand(words: readonly string[]): {
  readonly command: Command;
  readonly rest: readonly string[];
} {
  let command: Command = createProgram(context);
  const rest = [...words];
  for (;;) {
    const next = command.commands.find((one) => one.name() === rest[0]);
    if (next === undefined) return { command, rest };
    command = next;
    rest.shift();
  }
}

/** What is wrong with the calls of `./farm`, or of the compose file's `cli`, in a text. */
function wrongCalls(text: string): string[] {
  return [...text.matchAll(/(?:\.\/farm|run --rm cli) +([^`\n|#&)]+)/g)].flatMap(([, call = ""]) => {
    const words = call.trim().split(/\s+/);
    const { command, rest } = findCommand(words);
    const options = rest.filter((word) => word.startsWith("--")).map((word) => word.split("=")[0]);
    const known = command.options.map(({ long }) => long ?? "");
    const unknown = options.filter((option = "") => !known.includes(option));
    return command.parent === null
      ? [`${call}: no such command`]
      : unknown.map((option) => `${call}: ${option}`);
  });
}

describe.each(GUIDES)("%s", (name) => {
  const text = read(name);

  test("calls commands and options that are there", () => {
    expect(text).toMatch(/\.\/farm|run --rm cli/);
    expect(wrongCalls(text)).toEqual([]);
  });

  test("names FARM_ variables that are there", () => {
    const names = [...text.matchAll(/\bFARM_[A-Z0-9_]+/g)].map(([found]) => found);
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((found) => !Object.hasOwn(FARM_ENV_HELP, found))).toEqual([]);
  });

  test("links to files that are there", () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, link = ""]) => link);
    expect(links.length).toBeGreaterThan(1);
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(name), link)))).toEqual([]);
  });
});

describe("docs/operations.md's tables", () => {
  test("are what ./farm sizing says", () => {
    const [, block = ""] = /<!-- sizing -->\n([\s\S]*?)\n<!-- end -->/.exec(read("docs/operations.md")) ?? [];
    expect(block).toBe(describeSizing(DEFAULTS));
  });

  test("are made with the defaults of the command", () => {
    expect(sizingCommand(context).opts()).toEqual(DEFAULTS);
  });
});

describe("wrongCalls()", () => {
  test("finds commands and options that are not there", () => {
    expect(wrongCalls("`./farm raise`")).toEqual(["raise: no such command"]);
    expect(wrongCalls("`./farm keys create --tenant a --age 3`")).toEqual([
      "keys create --tenant a --age 3: --age",
    ]);
    expect(wrongCalls("run --rm cli keys list --all")).toEqual(["keys list --all: --all"]);
    expect(wrongCalls("`./farm gc --older-than 90d`")).toEqual([]);
  });
});

describe("describeSizing()", () => {
  test("takes prices and the spot share as they are given", () => {
    const at = (price: Record<string, number>, spot = 0.5) => describeSizing({ ...DEFAULTS, price, spot });
    const row = (text: string) => text.split("\n").find((line) => line.startsWith("| Large, 1024")) ?? "";
    const dollars = (text: string) => row(text).split("|").slice(-3, -1).map(Number);
    const [demand = 0, spot = 0] = dollars(at({ L4: 1 }));
    expect(spot).toBeCloseTo(demand / 2, 1);
    expect(dollars(at({ L4: 2 }))[0]).toBeCloseTo(2 * demand, 1);
    expect(dollars(at({ L4: 1 }, 0.25))[1]).toBeCloseTo(demand / 4, 1);
    expect(at({ L4: 1 })).toContain("Prices: as given");
  });

  test("refuses what it cannot estimate with", () => {
    expect(() => describeSizing({ ...DEFAULTS, efficiency: 0.91 })).toThrow("--efficiency must be 0.2..0.9");
    expect(() => describeSizing({ ...DEFAULTS, efficiency: 0.19 })).toThrow("--efficiency");
    expect(() => describeSizing({ ...DEFAULTS, spot: 0 })).toThrow("--spot");
    expect(() => describeSizing({ ...DEFAULTS, textTokens: 0 })).toThrow("--text-tokens");
    expect(() => describeSizing({ ...DEFAULTS, price: { B200: 9 } })).toThrow(
      "known are L4, A10G, L40S, H100",
    );
  });
});
