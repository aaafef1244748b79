import { EXIT } from "./failure.js";

/** A hold on Ctrl-C; disposing gives the signals back. */
export interface Interrupt extends Disposable {
  /** What to do at once, before the process ends, when the person presses a second time. */
  onSecond(action: () => void): void;
}

/**
 * Takes SIGINT, SIGTERM and SIGHUP: the first asks the work to stop in order, the second ends the process.
 */
export function onInterrupt(stop: () => void): Interrupt {
  let count = 0;
  let atOnce: () => void = () => undefined;
  const listen = () => {
    count += 1;
    if (count === 1) {
      stop();
      return;
    }
    atOnce();
    process.exit(EXIT.interrupted);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, listen);
  return {
    onSecond(action) {
      atOnce = action;
    },
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, listen);
    },
  };
}
