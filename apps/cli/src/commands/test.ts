import { join } from "node:path";
import { Command } from "commander";
import type { CommandContext } from "../context.js";
import { describeFailure, EXIT, usageError } from "../failure.js";
import { type Machine, thisMachine } from "../farm/machine.js";
import { ensurePrometheus } from "../farm/prometheus-binary.js";
import { ensureRedis } from "../farm/redis-binary.js";
import { ROOT } from "../root.js";
import { runSuite } from "../suites/run-suite.js";
import { ensureS3Server } from "../suites/s3-server.js";
import { hasTests, SUITES, type Suite, wholeRun } from "../suites/suites.js";
import { addTallies, formatTally, type Tally } from "../suites/tally.js";

/** Where what tests need and no package manager has is kept. */
const TOOLS_DIR = join(ROOT, ".farm", "tools");

/** `farm test`: installs what the tests need, runs them, and ends with one line of counts. */
export function testCommand(context: CommandContext): Command {
  const names = SUITES.map(({ name }) => name).join(", ");
  const leftOut = SUITES.flatMap(({ name, onlyByName }) => (onlyByName ? [name] : [])).join(", ");
  return new Command("test")
    .description("run the tests")
    .argument("[suite]", `one of ${names}; all but ${leftOut} when absent`)
    .action((name: string | undefined) => test(context, name));
}

function test(context: CommandContext, name: string | undefined): void {
  const chosen = name === undefined ? wholeRun() : SUITES.filter((suite) => suite.name === name);
  if (chosen.length === 0) {
    throw usageError(`Cannot run suite ${name}: known are ${SUITES.map((suite) => suite.name).join(", ")}`);
  }
  const tools = {
    redis: chosen.some(usesRedis) ? findTool(context, ensureRedis) : undefined,
    s3: chosen.some(({ needsS3 }) => needsS3)
      ? findTool(context, (machine) => ensureS3Server(machine, TOOLS_DIR))
      : undefined,
    prometheus: chosen.some(({ needsPrometheus }) => needsPrometheus)
      ? findTool(context, ensurePrometheus)
      : undefined,
  };
  const env = testEnvironment(context, tools.s3?.path);
  const tallies = chosen.map((suite) => {
    const tally = missingOf(suite, tools, context) ?? runSuite(suite, { root: ROOT, env });
    context.terminal.err(`suite ${suite.name}: ${formatTally(tally)}`);
    return tally;
  });
  const total = addTallies(tallies);
  context.terminal.out(formatTally(total));
  if (total.failed > 0 || total.passed === 0) process.exitCode = EXIT.failed;
}

/** Unit tests of the queue use Redis as well, but most do not: they run without it. */
function usesRedis(suite: Suite): boolean {
  return suite.needsRedis || suite.name === "unit";
}

/** A program that tests run, or why there is none. */
interface Tool {
  readonly path?: string;
  readonly problem?: string;
}

function findTool({ environment, terminal }: CommandContext, ensure: (machine: Machine) => string): Tool {
  try {
    return { path: ensure(thisMachine(environment.path, terminal.err)) };
  } catch (error) {
    return { problem: describeFailure(error) };
  }
}

/** A suite that cannot run is one skipped test, or one failed where every tool is required. */
function missingOf(
  suite: Suite,
  tools: Readonly<Record<"redis" | "s3" | "prometheus", Tool | undefined>>,
  context: CommandContext,
): Tally | undefined {
  const isEmpty = suite.folders.length > 0 && !hasTests(suite, ROOT);
  const problem = isEmpty
    ? "it has no tests"
    : ((suite.needsRedis ? tools.redis?.problem : undefined) ??
      (suite.needsS3 ? tools.s3?.problem : undefined) ??
      (suite.needsPrometheus ? tools.prometheus?.problem : undefined));
  if (problem === undefined) return undefined;
  const required = context.environment.toolsRequired;
  context.terminal.err(`suite ${suite.name} ${required ? "fails" : "is skipped"}: ${problem}`);
  return { passed: 0, failed: required ? 1 : 0, skipped: required ? 0 : 1 };
}

function testEnvironment(
  { environment }: CommandContext,
  s3Server: string | undefined,
): Readonly<Record<string, string>> {
  const { FARM_TEST_SHARED: shared, FARM_TEST_SEED: seed } = environment.farm;
  return {
    ...environment.inherited,
    ...(shared === undefined ? {} : { FARM_TEST_SHARED: shared }),
    ...(seed === undefined ? {} : { FARM_TEST_SEED: String(seed) }),
    ...(s3Server === undefined ? {} : { FARM_TEST_S3_SERVER: s3Server }),
    ...(environment.toolsRequired ? { FARM_TEST_REQUIRED: "1" } : {}),
  };
}
