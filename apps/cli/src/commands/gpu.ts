import { demoModelFolder } from "@latentfarm/demo-model";
import type { CheckResult, GpuReport } from "@latentfarm/engine";
import { Command } from "commander";
import type { CommandContext } from "../context.js";
import { EXIT } from "../failure.js";

const EXITS = { ready: 0, failed: EXIT.failed, no_gpu: EXIT.noGpu } as const satisfies Record<
  GpuReport["verdict"],
  number
>;

const VERDICTS = {
  ready: "this GPU can run the farm",
  failed: "this GPU cannot run the farm as things are; see the failed checks, and docs/gpu.md",
  no_gpu: "no GPU on this machine; what can be checked without one is in order",
} as const satisfies Record<GpuReport["verdict"], string>;

const MARKS = { pass: "pass", fail: "FAIL", skip: "skip" } as const satisfies Record<
  CheckResult["status"],
  string
>;

/** `farm gpu`: whether this machine's GPU can run the farm. */
export function gpuCommand(context: CommandContext): Command {
  const gpu = new Command("gpu").description("look at this machine's GPU");
  gpu
    .command("check")
    .description(
      "find out whether this machine's GPU can run the farm, and how fast it multiplies; the report can be sent (exit status 0: it can, 1: a check failed, 3: there is no GPU)",
    )
    .option("--json", "print the report as JSON")
    .action((options: { readonly json?: true }) => check(context, options.json === true));
  return gpu;
}

async function check({ terminal, environment }: CommandContext, json: boolean): Promise<void> {
  // The model tower is loaded by the commands that need it, not by every call.
  const { runGpuCheck } = await import("@latentfarm/engine");
  const report = await runGpuCheck({
    modelDir: demoModelFolder(),
    environment: environment.inherited,
    onResult: (result) => {
      if (!json) terminal.out(formatResult(result));
    },
  });
  terminal.out(json ? JSON.stringify(report) : VERDICTS[report.verdict]);
  process.exitCode = EXITS[report.verdict];
}

function formatResult({ name, status, detail, figures = {} }: CheckResult): string {
  const lines = Object.entries(figures).map(([figure, value]) => `      ${figure} ${formatFigure(value)}`);
  return [`${MARKS[status]}  ${name}: ${detail}`, ...lines].join("\n");
}

function formatFigure(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(3);
}
