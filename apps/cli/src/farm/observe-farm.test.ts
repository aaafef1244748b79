import { expect, test } from "vitest";
import { readEnvironment } from "../config/env.js";
import { observeFarm } from "./observe-farm.js";

test("observeFarm() says what is missing where there is no Prometheus, and starts nothing", async () => {
  await using observer = await observeFarm({
    environment: readEnvironment({ PATH: "/nowhere" }),
    farm: { targets: [] },
    stateDir: "/nowhere",
    signal: new AbortController().signal,
    log: () => undefined,
  });
  expect(observer.line).toContain("prometheus and promtool are not on the path");
  expect(observer.line).toContain("sudo apt-get install prometheus");
});
