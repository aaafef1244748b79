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

rmSync(PREVIOUS, { recursive: true, force: true });
mkdirSync(PREVIOUS, { recursive: true });
for (const set of CI_SETS) {
  const { ok, stdout, stderr } = renderText(set);
  if (!ok) throw new Error(`Cannot store what ${set.name} renders: ${stderr}`);
  writeFileSync(path.join(PREVIOUS, `${set.name}.yaml`), stdout);
}
