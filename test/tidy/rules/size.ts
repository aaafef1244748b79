import {
  type Finding,
  findingAt,
  identifierName,
  isSyntaxNode,
  lineAt,
  lineCount,
  type Source,
  type SyntaxNode,
  walk,
} from "../source.js";

/** Lines in a file: above this a reader no longer reads it once from top to bottom. STYLE habit 4. */
export const FILE_LINES_MAX = 400;

/** Lines in a function: about one screen. STYLE habit 4. */
export const FUNCTION_LINES_MAX = 70;

/** A place that may stay larger for a stated reason; its number may only shrink. */
export interface Exemption {
  /** A file, or a function as `file#name`. */
  readonly place: string;
  readonly lines: number;
  readonly reason: string;
}

/** A file or function above its limit. */
export interface Oversize {
  readonly place: string;
  readonly lines: number;
  readonly finding: Finding;
}

const FUNCTION_TYPES: ReadonlySet<string> = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
]);

/** Calls whose callback groups tests: it is a heading, not a function to be read at once. */
const GROUPING_CALLS: ReadonlySet<string> = new Set(["describe"]);

/** Files and functions above the limits. */
export function findOversize(source: Source): Oversize[] {
  const found: Oversize[] = [];
  const lines = lineCount(source.text);
  if (lines > FILE_LINES_MAX) {
    const finding = {
      path: source.path,
      line: 1,
      message: `file has ${lines} lines, limit is ${FILE_LINES_MAX}`,
    };
    found.push({ place: source.path, lines, finding });
  }
  walk(source.program, (node, parents) => {
    if (!FUNCTION_TYPES.has(node.type) || isGrouping(parents.at(-1))) return;
    const length = lineAt(source.text, node.end) - lineAt(source.text, node.start) + 1;
    if (length <= FUNCTION_LINES_MAX) return;
    const name = functionName(node, parents.at(-1));
    const message = `function ${name} has ${length} lines, limit is ${FUNCTION_LINES_MAX}`;
    found.push({
      place: `${source.path}#${name}`,
      lines: length,
      finding: findingAt(source, node.start, message),
    });
  });
  return found;
}

/**
 * The ratchet: what is oversize without an exemption or above its number, and every exemption that is larger than the
 * place it names, or whose place is no longer oversize. So entries only shrink or leave.
 */
export function applyExemptions(oversize: readonly Oversize[], exemptions: readonly Exemption[]): Finding[] {
  const byPlace = new Map(exemptions.map((entry) => [entry.place, entry]));
  const tooLarge = oversize.filter(({ place, lines }) => lines > (byPlace.get(place)?.lines ?? 0));
  const stale = exemptions.filter((entry) => {
    const actual = oversize.find(({ place }) => place === entry.place);
    return actual === undefined || entry.lines > actual.lines;
  });
  return [
    ...tooLarge.map(({ finding }) => finding),
    ...stale.map(({ place, lines }) => ({
      path: "test/tidy/exemptions.json",
      line: 1,
      message: `entry ${place} allows ${lines} lines, more than the place needs: lower or remove it`,
    })),
    ...exemptions
      .filter(({ reason }) => reason.trim() === "")
      .map(({ place }) => ({
        path: "test/tidy/exemptions.json",
        line: 1,
        message: `entry ${place} gives no reason`,
      })),
  ];
}

function isGrouping(parent: SyntaxNode | undefined): boolean {
  if (parent?.type !== "CallExpression") return false;
  const callee = parent.callee;
  const head = isSyntaxNode(callee) && callee.type === "MemberExpression" ? callee.object : callee;
  return GROUPING_CALLS.has(identifierName(head) ?? "");
}

function functionName(node: SyntaxNode, parent: SyntaxNode | undefined): string {
  return identifierName(node.id) ?? identifierName(parent?.id ?? parent?.key) ?? "(anonymous)";
}
