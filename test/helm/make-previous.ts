/**
 * Writes test/helm/previous, what the chart renders now for each shipped value set: the upgrade test compares later charts
 * with it. It is run once for each release, on the commit that is tagged:
 *
 *     npx turbo run build && node test/dist/helm/make-previous.js
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { PREVIOUS } from "./previous.js";
import { renderText } from "./render-chart.js";
import { CI_SETS } from "./value-sets.js";

/** Kinds that have no field which an upgrade could not change, and fill thousands of lines. */
const LEFT_OUT = /^kind: (ConfigMap|PrometheusRule)$/m;

rmSync(PREVIOUS, { recursive: true, force: true });
mkdirSync(PREVIOUS, { recursive: true });
for (const set of CI_SETS) {
  const { ok, stdout, stderr } = renderText(set);
  if (!ok) throw new Error(`Cannot store what ${set.name} renders: ${stderr}`);
  const documents = stdout.split(/^---$/m).filter((document) => !LEFT_OUT.test(document));
  writeFileSync(path.join(PREVIOUS, `${set.name}.yaml`), documents.join("---"));
}
