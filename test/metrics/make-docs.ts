/**
 * Writes docs/metrics.md and docs/traces.md from the tables in packages/telemetry:
 *
 *     npx turbo run build && node test/dist/metrics/make-docs.js
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeMetrics, describeSpans } from "@latentfarm/telemetry";
import { REPOSITORY_ROOT } from "../harness/index.js";

writeFileSync(join(REPOSITORY_ROOT, "docs", "metrics.md"), describeMetrics());
writeFileSync(join(REPOSITORY_ROOT, "docs", "traces.md"), describeSpans());
