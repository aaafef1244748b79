import { expect, test } from "vitest";
import { type FleetSample, findBottleneck, keepsUp, projectRedis } from "./fleet-verdict.js";

const SAMPLE: FleetSample = {
  seconds: 10,
  cores: 2,
  demandedFrames: 1_000,
  doneFrames: 1_000,
  backlogGrowth: 0,
  redisMainMs: 2_000,
  redisMs: 2_500,
  workersMs: 6_000,
  submitterMs: 1_000,
  machineMs: 12_000,
  capacityFrames: 5_000,
};

test("keepsUp() allows the backlog to grow by 3 percent of the demand and no more", () => {
  expect(keepsUp({ ...SAMPLE, backlogGrowth: 30 })).toBe(true);
  expect(keepsUp({ ...SAMPLE, backlogGrowth: 31 })).toBe(false);
});

test("findBottleneck() names Redis, the cores with who uses them, or the workers", () => {
  expect(findBottleneck(SAMPLE)).toBeUndefined();
  expect(findBottleneck({ ...SAMPLE, redisMainMs: 9_000 })).toMatch(/^Redis/);
  expect(findBottleneck({ ...SAMPLE, machineMs: 18_000, workersMs: 12_600 })).toMatch(/2 cores.*70%/);
  expect(findBottleneck({ ...SAMPLE, capacityFrames: 1_100 })).toMatch(/^the workers/);
});

test("projectRedis() is the rate at which its main thread would fill a core", () => {
  expect(projectRedis(SAMPLE)).toBe(500);
});
