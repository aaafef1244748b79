import { describeMachine } from "./measure/machine.js";
import { type BenchOptions, readOptions } from "./measure/read-options.js";
import { publish } from "./measure/report.js";
import { answerCalls } from "./measure/role-process.js";
import { PARTS } from "./queue/parts.js";
import { ROLES } from "./queue/roles.js";
import { formatParts, readStoredParts, type StoredPart } from "./queue/stored-parts.js";

/**
 * `./farm bench queue [PART...] [--profile] [--quick]`: what the queue takes in and hands out, and what it costs. The
 * process starts itself again with `--role NAME`, so that clients and workers have event loops of their own.
 */
const options = readOptions({ names: ["role"], flags: ["profile", "quick"], positionalsMax: PARTS.size });
const { role } = options.own;
const createRole = ROLES.get(role ?? "");

if (createRole !== undefined) await answerCalls(createRole());
else await runParts(options);

async function runParts({ positionals, own, json, save }: BenchOptions): Promise<void> {
  const quick = own.quick !== undefined;
  const unknown = positionals.filter((name) => !PARTS.has(name));
  if (unknown.length > 0 || role !== undefined || (quick && save)) {
    console.error(`Cannot run: parts are ${[...PARTS.keys()].join(", ")}; --quick figures are not saved`);
    process.exitCode = 2;
    return;
  }
  const measured: Record<string, StoredPart> = {};
  for (const [name, run] of PARTS) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    console.error(`queue: measuring ${name}`);
    const machine = describeMachine();
    measured[name] = { machine, ...(await run({ quick, profile: own.profile !== undefined })) };
  }
  // What was not measured now stays as it is stored.
  const parts = save ? { ...(await readStoredParts()), ...measured } : measured;
  await publish(
    {
      name: "queue",
      command: "./farm bench queue",
      machine: describeMachine(),
      figures: { parts },
      markdown: formatParts(parts, [...PARTS.keys()]),
    },
    { json, save },
  );
}
