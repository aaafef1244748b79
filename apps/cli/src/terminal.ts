import type { Writable } from "node:stream";

/** Where the command line speaks: results on `out`, everything a person reads meanwhile on `err`. */
export interface Terminal {
  out(line: string): void;
  err(line: string): void;
  /** The stream that progress bars draw on. */
  readonly progress: Writable;
  /** True when `progress` is a terminal, so that a line can be drawn over. */
  readonly interactive: boolean;
}

/** A terminal over this process's own streams. */
export function createTerminal(): Terminal {
  // A reader such as `head` may leave early: that ends the output, and is no fault to show.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  return {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    progress: process.stderr,
    interactive: process.stderr.isTTY === true,
  };
}
