import { Command, InvalidArgumentError } from "commander";
import type { CommandContext } from "../context.js";
import { usageError } from "../failure.js";
import { GPU_MACHINES, type GpuMachine, PRICES_OF } from "../sizing/gpu-machines.js";
import { machineTable, pictureTable } from "../sizing/sizing-tables.js";
import { parseDecimal, parseWhole } from "./parse-option.js";

/** What the command line says of the estimate. */
export interface SizingFlags {
  readonly efficiency: number;
  readonly spot: number;
  readonly textTokens: number;
  readonly price: Readonly<Record<string, number>>;
}

/** The middle of what is planned with: SD3 Medium in TensorRT on an A100 reached 0.50 to 0.52. */
const EFFICIENCY_DEFAULT = 0.5;
/** At the ends the range beside each figure would reach nothing, or more than there is. */
const EFFICIENCY_MIN = 0.2;
const EFFICIENCY_MAX = 0.9;
/** Spot machines cost 40 to 60 % of the price on demand, and it moves. */
const SPOT_DEFAULT = 0.5;
/** A prompt whose T5 text takes 256 tokens, beside CLIP's 77; an ordinary one has 154 in all and is 5 % faster. */
const TEXT_TOKENS_DEFAULT = 333;

/** `farm sizing`: which GPU draws how many pictures for how much, by the roofline. */
export function sizingCommand({ terminal }: CommandContext): Command {
  return new Command("sizing")
    .description(
      "estimate seconds and price of a picture on GPUs, by the roofline; nothing of it is measured",
    )
    .option("--efficiency <x>", "the part of a GPU's peak that is reached", parseDecimal, EFFICIENCY_DEFAULT)
    .option("--spot <x>", "what a spot machine costs of the price on demand", parseDecimal, SPOT_DEFAULT)
    .option("--text-tokens <n>", "tokens of a prompt", parseWhole, TEXT_TOKENS_DEFAULT)
    .option(
      "--price <gpu=dollars>",
      "what a machine costs an hour, such as L4=0.70; again for more",
      addPrice,
      {},
    )
    .action((flags: SizingFlags) => terminal.out(describeSizing(flags)));
}

/**
 * Both tables with what they assume, as Markdown.
 * @throws {FarmError} invalid_request an option beyond its range, or a price of a GPU that is not listed
 */
export function describeSizing(flags: SizingFlags): string {
  const { efficiency, spot, textTokens, price } = flags;
  if (!(efficiency >= EFFICIENCY_MIN && efficiency <= EFFICIENCY_MAX))
    throw usageError(`Cannot estimate: --efficiency must be ${EFFICIENCY_MIN}..${EFFICIENCY_MAX}`);
  if (!(spot > 0 && spot <= 1)) throw usageError("Cannot estimate: --spot must be above 0 and at most 1");
  if (textTokens < 1) throw usageError("Cannot estimate: --text-tokens must be above 0");
  const options = { efficiency, spotShare: spot, textTokens, machines: withPrices(price) };
  const prices = Object.keys(price).length > 0 ? "as given, else " : "";
  return [
    `Estimated by the roofline, not measured. Reached of the float16 peak: ${efficiency}, the range is for 0.1 more and less.`,
    `${textTokens} text tokens; guidance but for Turbo. Prices: ${prices}${PRICES_OF}; spot at ${spot} of them.`,
    "",
    machineTable(options),
    "",
    pictureTable(options),
  ].join("\n");
}

function withPrices(price: SizingFlags["price"]): GpuMachine[] {
  const known = GPU_MACHINES.map(({ gpu }) => gpu);
  const unknown = Object.keys(price).find((gpu) => !known.includes(gpu));
  if (unknown !== undefined) throw usageError(`Cannot price ${unknown}: known are ${known.join(", ")}`);
  return GPU_MACHINES.map((machine) => ({
    ...machine,
    pricePerHour: price[machine.gpu] ?? machine.pricePerHour,
  }));
}

function addPrice(text: string, before: SizingFlags["price"]): SizingFlags["price"] {
  const [, gpu, dollars] = /^(\w+)=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (gpu === undefined || dollars === undefined)
    throw new InvalidArgumentError("It must be GPU=DOLLARS, such as L4=0.70.");
  return { ...before, [gpu]: Number(dollars) };
}
