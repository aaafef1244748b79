import { type AuditEntry, auditEntrySchema, FarmError } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { bounded } from "../redis/errors.js";
import type { PageOptions } from "./access.js";
import { AUDIT_ENTRIES_MAX } from "./limits.js";
import { AUDIT_KEY } from "./redis-keys.js";

/** An action before it has its place in the log. `details` hold settings, never a secret. */
export type Audited = Omit<AuditEntry, "id">;

/**
 * What a script puts before its own text to write the log with the change that it makes: `audit(key, entry)`, where key
 * is `AUDIT_KEY` and entry the {@link auditText} of the action.
 */
export const AUDIT_LUA = `
local function audit(key, entry)
  redis.call('XADD', key, 'MAXLEN', '~', ${AUDIT_ENTRIES_MAX}, '*', 'entry', entry)
end
`;

/** An action as the log keeps it. */
export function auditText(audited: Audited): string {
  return JSON.stringify(audited);
}

/** The id of an entry, which is also the cursor of the page that follows it. */
const ENTRY_ID = /^\d{1,20}-\d{1,20}$/;

/**
 * A page of the log, newest first.
 * @throws {FarmError} invalid_request the cursor is none; queue_unavailable
 */
export async function readAudit(
  redis: Redis,
  page: PageOptions,
): Promise<{ readonly entries: AuditEntry[]; readonly next_cursor: string | null }> {
  const { limit, cursor } = page;
  if (cursor !== undefined && !ENTRY_ID.test(cursor)) {
    const errors = [{ path: "query.cursor", message: "must be the next_cursor of a page" }];
    throw new FarmError("invalid_request", "Cannot read the audit log as the cursor is malformed", {
      details: { errors },
    });
  }
  const from = cursor === undefined ? "+" : `(${cursor}`;
  const found = await bounded("read the audit log", () =>
    redis.xrevrange(AUDIT_KEY, from, "-", "COUNT", limit + 1),
  );
  const entries = found.slice(0, limit).map(([id, [, text = "{}"]]) => {
    const entry: unknown = JSON.parse(text);
    return auditEntrySchema.parse(typeof entry === "object" ? { ...entry, id } : entry);
  });
  return { entries, next_cursor: found.length > limit ? (entries.at(-1)?.id ?? null) : null };
}
