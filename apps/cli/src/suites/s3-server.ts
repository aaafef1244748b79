import type { Machine } from "../farm/machine.js";
import { ensureGoTool } from "./go-tool.js";

/**
 * Finds or builds the S3 server that tests run: Versity's gateway on a folder, which checks signatures and checksums,
 * honours conditions and is maintained.
 * @throws {FarmError} file_unreadable there is none and none can be built
 */
export function ensureS3Server(machine: Machine, toolsDir: string): string {
  return ensureGoTool(machine, toolsDir, {
    what: "an S3 server",
    program: "versitygw",
    module: "github.com/versity/versitygw/cmd/versitygw",
    version: "v1.8.0",
  });
}
