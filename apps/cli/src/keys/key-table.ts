import type { ApiKey } from "@latentfarm/contract";

const COLUMNS = ["ID", "TENANT", "SCOPES", "RATE", "CREATED", "REVOKED", "NAME"] as const;
/** The minute of a time: `2026-01-01T12:00`. */
const MINUTE_CHARS = 16;

/** Keys as a table, one a line; the name comes last, as it may be long. */
export function keyTable(keys: readonly ApiKey[]): string {
  const rows = [COLUMNS, ...keys.map(toRow)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function toRow(key: ApiKey): readonly string[] {
  const { id, tenant, scopes, requests_per_minute: rate } = key;
  return [
    id,
    tenant,
    scopes.join(","),
    rate === null ? "-" : `${rate}/min`,
    minuteOf(key.created_at),
    key.revoked_at === null ? "-" : minuteOf(key.revoked_at),
    // Whoever may make keys must not write to an operator's terminal.
    key.name.replaceAll(/\p{C}/gu, "?"),
  ];
}

function minuteOf(time: string): string {
  return `${time.slice(0, MINUTE_CHARS)}Z`;
}
