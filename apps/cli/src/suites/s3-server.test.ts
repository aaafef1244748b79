import { expect, test } from "vitest";
import { ensureS3Server } from "./s3-server.js";
import { machineWith } from "./testing/machine-with.js";

const SERVER = "/tools/versitygw-v1.8.0/versitygw";

test("ensureS3Server() takes the server that is built, and builds none then", () => {
  const { machine, calls } = machineWith([SERVER, "/bin/go"]);
  expect(ensureS3Server(machine, "/tools")).toBe(SERVER);
  expect(calls).toEqual([]);
});

test("ensureS3Server() builds a pinned release with go, after saying so", () => {
  const { machine, calls } = machineWith(["/bin/go"], () => [SERVER]);
  expect(ensureS3Server(machine, "/tools")).toBe(SERVER);
  expect(calls).toEqual([
    "no versitygw found: building versitygw v1.8.0 with go",
    "env GOBIN=/tools/versitygw-v1.8.0 go install github.com/versity/versitygw/cmd/versitygw@v1.8.0",
  ]);
});

test("ensureS3Server() says what is missing", () => {
  expect(() => ensureS3Server(machineWith([]).machine, "/tools")).toThrow("go is not on the path");
  expect(() => ensureS3Server(machineWith(["/bin/go"]).machine, "/tools")).toThrow("go install failed");
});
