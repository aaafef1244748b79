import { parseArgs } from "node:util";

/** The exit code of `./farm` for a wrong call. */
const EXIT_WRONG_CALL = 2;

/** What every benchmark is called with. */
export interface BenchOptions {
  /** One line of JSON instead of tables. */
  readonly json: boolean;
  /** Store the figures under test/load/results. */
  readonly save: boolean;
  readonly positionals: readonly string[];
  /** The benchmark's own options, by name. */
  readonly own: Readonly<Record<string, string | undefined>>;
}

/** What a benchmark takes besides `--json` and `--save`. */
export interface OwnOptions {
  /** Options with a value. */
  readonly names?: readonly string[];
  /** Options without one; given, they read "true". */
  readonly flags?: readonly string[];
  readonly positionalsMax?: number;
}

/** Reads the call. A wrong call ends the process. */
export function readOptions({ names = [], flags = [], positionalsMax = 0 }: OwnOptions = {}): BenchOptions {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: positionalsMax > 0,
      options: {
        ...Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
        ...Object.fromEntries(flags.map((name) => [name, { type: "boolean" as const }])),
        json: { type: "boolean" as const },
        save: { type: "boolean" as const },
      },
    });
    if (positionals.length > positionalsMax) {
      throw new TypeError(`Cannot run: too many arguments, at most ${positionalsMax}`);
    }
    const given: Readonly<Record<string, unknown>> = values;
    const own = [...names, ...flags].flatMap((name) =>
      given[name] === undefined ? [] : [[name, String(given[name])]],
    );
    return {
      json: values.json === true,
      save: values.save === true,
      positionals,
      own: Object.fromEntries(own),
    };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(EXIT_WRONG_CALL);
  }
}
