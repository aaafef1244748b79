import { Command } from "commander";
import type { CommandContext } from "../context.js";
import { EXIT, usageError } from "../failure.js";
import { thisMachine } from "../farm/machine.js";
import { ROOT } from "../root.js";
import { runSuite } from "../suites/run-suite.js";
import { hasTests, SUITES, type Suite, wholeRun } from "../suites/suites.js";
import { addTallies, formatTally, type Tally } from "../suites/tally.js";
import { type FoundTools, findTools, type ToolName } from "../suites/tools.js";

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
  const machine = thisMachine(context.environment.path, context.terminal.err);
  const tools = findTools(chosen.flatMap(usedBy), machine);
  const env = testEnvironment(context, tools);
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
function usedBy(suite: Suite): readonly ToolName[] {
  return suite.name === "unit" ? ["redis", ...suite.needs] : suite.needs;
}

/** A suite that cannot run is one skipped test, or one failed where every tool is required. */
function missingOf(suite: Suite, { problems }: FoundTools, context: CommandContext): Tally | undefined {
  const isEmpty = suite.folders.length > 0 && !hasTests(suite, ROOT);
  const problem = isEmpty
    ? "it has no tests"
    : suite.needs.map((name) => problems.get(name)).find((found) => found !== undefined);
  if (problem === undefined) return undefined;
  const required = context.environment.toolsRequired;
  context.terminal.err(`suite ${suite.name} ${required ? "fails" : "is skipped"}: ${problem}`);
  return { passed: 0, failed: required ? 1 : 0, skipped: required ? 0 : 1 };
}

function testEnvironment(
  { environment }: CommandContext,
  tools: FoundTools,
): Readonly<Record<string, string>> {
  const { FARM_TEST_SHARED: shared, FARM_TEST_SEED: seed } = environment.farm;
  return {
    ...environment.inherited,
    ...(shared === undefined ? {} : { FARM_TEST_SHARED: shared }),
    ...(seed === undefined ? {} : { FARM_TEST_SEED: String(seed) }),
    ...tools.environment,
    ...(environment.toolsRequired ? { FARM_TEST_REQUIRED: "1" } : {}),
  };
}
