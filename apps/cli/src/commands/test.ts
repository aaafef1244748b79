import { Command } from "commander";
import type { CommandContext } from "../context.js";
import { describeFailure, EXIT, usageError } from "../failure.js";
import { thisMachine } from "../farm/machine.js";
import { ensureRedis } from "../farm/redis-binary.js";
import { ROOT } from "../root.js";
import { runSuite } from "../suites/run-suite.js";
import { hasTests, SUITES, type Suite, wholeRun } from "../suites/suites.js";
import { addTallies, formatTally, type Tally } from "../suites/tally.js";

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
  const redisProblem = chosen.some(usesRedis) ? findRedisProblem(context) : undefined;
  const tallies = chosen.map((suite) => {
    const tally =
      missingOf(suite, redisProblem, context) ??
      runSuite(suite, { root: ROOT, env: testEnvironment(context) });
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

function findRedisProblem({ environment, terminal }: CommandContext): string | undefined {
  try {
    ensureRedis(thisMachine(environment.path, terminal.err));
    return undefined;
  } catch (error) {
    return describeFailure(error);
  }
}

/** A suite that cannot run is one skipped test, or one failed where every tool is required. */
function missingOf(
  suite: Suite,
  redisProblem: string | undefined,
  context: CommandContext,
): Tally | undefined {
  const isEmpty = suite.folders.length > 0 && !hasTests(suite, ROOT);
  const problem = isEmpty ? "it has no tests" : suite.needsRedis ? redisProblem : undefined;
  if (problem === undefined) return undefined;
  const required = context.environment.toolsRequired;
  context.terminal.err(`suite ${suite.name} ${required ? "fails" : "is skipped"}: ${problem}`);
  return { passed: 0, failed: required ? 1 : 0, skipped: required ? 0 : 1 };
}

function testEnvironment({ environment }: CommandContext): Readonly<Record<string, string>> {
  const { FARM_TEST_SHARED: shared, FARM_TEST_SEED: seed } = environment.farm;
  return {
    ...environment.inherited,
    ...(shared === undefined ? {} : { FARM_TEST_SHARED: shared }),
    ...(seed === undefined ? {} : { FARM_TEST_SEED: String(seed) }),
    ...(environment.toolsRequired ? { FARM_TEST_REQUIRED: "1" } : {}),
  };
}
