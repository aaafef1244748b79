import { userInfo } from "node:os";
import {
  apiKeyIdSchema,
  FarmError,
  type KeyRequest,
  keyRequestSchema,
  LIMITS,
  parseWith,
  SCOPES,
} from "@latentfarm/contract";
import { Command } from "commander";
import type { CommandContext } from "../context.js";
import { usageError } from "../failure.js";
import { keyTable } from "../keys/key-table.js";
import { openAccess } from "../keys/open-access.js";
import { mergeTenantSettings, namesTenantSettings, type TenantOptions } from "../keys/tenant-settings.js";
import { parseDecimal, parseLimit, parseNames, parseRate } from "./parse-option.js";

interface CreateOptions extends TenantOptions {
  readonly tenant: string;
  readonly name?: string;
  readonly scopes?: readonly string[];
  readonly rate?: number | "none";
  readonly data?: string;
}

const DATA_HELP = "the data folder of the farm that runs here (or FARM_DATA); FARM_REDIS_URL names another's";

/** `farm keys`: API keys, straight in the farm's Redis. */
export function keysCommand(context: CommandContext): Command {
  const keys = new Command("keys").description("make, list and revoke the API keys of a farm");
  keys
    .command("create")
    .description("make a key and print it, this once; the first one ends the time without keys")
    .requiredOption("--tenant <name>", "whose jobs, share and limits the key is for")
    .option("--name <text>", "what you call the key")
    .option("--scopes <list>", `of ${SCOPES.join(", ")} (default submit,read)`, parseNames)
    .option(
      "--rate <n/min>",
      `requests a minute of this key, or none (default ${LIMITS.rate_per_minute_default})`,
      parseRate,
    )
    .option("--weight <x>", "the tenant's share beside others, in proportion (default 1)", parseDecimal)
    .option("--queued-cost <x>", "the tenant's megapixel-steps that may be unfinished, or none", parseLimit)
    .option("--concurrent <n>", "the tenant's frames that may be unfinished, or none", parseLimit)
    .option("--running <n>", "the tenant's frames that may run at once, or none", parseLimit)
    .option("--data <dir>", DATA_HELP)
    .action((options: CreateOptions) => create(context, options));
  keys
    .command("list")
    .description("list the keys, revoked ones too, oldest first")
    .option("--json", "print as JSON")
    .option("--data <dir>", DATA_HELP)
    .action((options: { readonly json?: true; readonly data?: string }) => list(context, options));
  keys
    .command("revoke")
    .description("make a key open nothing from now on")
    .argument("<id>", "the 12 characters after lf_, as ./farm keys list shows them")
    .option("--data <dir>", DATA_HELP)
    .action((id: string, options: { readonly data?: string }) => revoke(context, id, options));
  return keys;
}

async function create(context: CommandContext, options: CreateOptions): Promise<void> {
  const request = keyRequest(options);
  // Checked before anything is done; the tenant's present settings are not known yet.
  mergeTenantSettings({ weight: 1, limits: {} }, options);
  await using opened = await openAccess(context, options.data);
  const { access } = opened;
  const first = !(await access.hasKeys());
  if (namesTenantSettings(options)) {
    // Before the key, so that it never is without its limits.
    const settings = mergeTenantSettings(await access.getTenant(request.tenant), options);
    await access.setTenant(request.tenant, settings, actor());
  }
  const made = await access.createKey(request, actor());
  const { out, err } = context.terminal;
  out(made.key);
  err(
    `This is the key ${made.id} of tenant ${made.tenant}, for ${made.scopes.join(", ")}. It is shown this once: keep it now.`,
  );
  const rate = made.requests_per_minute;
  err(rate === null ? "It has no rate." : `It may make ${rate} requests a minute (--rate says otherwise).`);
  err("Send it as the header Authorization: Bearer KEY; ./farm render takes it from FARM_API_KEY.");
  if (first) err("It is the farm's first key: from now on the farm asks every caller for one.");
}

function keyRequest({ tenant, name, scopes, rate }: CreateOptions): KeyRequest {
  const body = { tenant, name, scopes, requests_per_minute: rate === "none" ? null : rate };
  const given = Object.entries(body).filter(([, value]) => value !== undefined);
  return parseWith(keyRequestSchema, Object.fromEntries(given), "the key");
}

async function list(
  context: CommandContext,
  options: { readonly json?: true; readonly data?: string },
): Promise<void> {
  await using opened = await openAccess(context, options.data);
  const keys = await opened.access.listKeys();
  if (options.json) return context.terminal.out(JSON.stringify({ keys }));
  if (keys.length > 0) return context.terminal.out(keyTable(keys));
  context.terminal.err("the farm has no keys; ./farm keys create makes the first");
}

async function revoke(
  context: CommandContext,
  id: string,
  options: { readonly data?: string },
): Promise<void> {
  // The text is not repeated: it may be a whole key.
  if (!apiKeyIdSchema.safeParse(id).success) {
    throw usageError(
      "Cannot revoke the key: ID must be the 12 characters after lf_, and nothing of the rest",
    );
  }
  await using opened = await openAccess(context, options.data);
  const { access } = opened;
  const revoked = await access.revokeKey(id, actor());
  if (revoked === undefined) {
    throw new FarmError("not_found", `Cannot revoke key ${id}: there is none (./farm keys list shows them)`);
  }
  const { KEY_CACHE_MS } = await import("@latentfarm/queue");
  const { out, err } = context.terminal;
  out(
    `key ${id} of tenant ${revoked.tenant} is revoked; within ${KEY_CACHE_MS / MS_PER_SECOND} s it opens nothing`,
  );
  if ((await access.listKeys()).some((key) => key.revoked_at === null)) return;
  err("No key is left, and the farm stays closed: ./farm keys create makes one.");
}

const MS_PER_SECOND = 1_000;

/** Who acts, for the audit log. A user that the system has no name for, as in containers, has a number. */
function actor(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    return `cli:${process.getuid?.() ?? "unknown"}`;
  }
}
