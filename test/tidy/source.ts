import { type Comment, type EcmaScriptModule, type ParseResult, parseSync } from "oxc-parser";

/** One TypeScript file of the tree, parsed. `path` is relative to the root, with forward slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly program: ParseResult["program"];
  readonly comments: readonly Comment[];
  readonly module: EcmaScriptModule;
}

/** What a rule found wrong, in the form an editor can jump to. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** A node of the syntax tree as the walker sees it: a type, a span, and whatever fields that type has. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/**
 * Parses one file. TypeScript 7 offers no JavaScript interface, so the rules stand on oxc.
 * @throws {SyntaxError} when the text is not TypeScript
 */
export function parseSource(path: string, text: string): Source {
  const result = parseSync(path, text);
  const first = result.errors[0];
  if (first) throw new SyntaxError(`Cannot parse ${path}: ${first.message}`);
  return { path, text, program: result.program, comments: result.comments, module: result.module };
}

/** The 1-based line of a character offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

/** The number of lines, not counting the empty one after the last line break. */
export function lineCount(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

/** Tests are judged for size and syntax, but they are reachable by their name and need no docstrings. */
export function isTest(path: string): boolean {
  return path.endsWith(".test.ts");
}

/** A finding at a character offset of a file. */
export function findingAt(source: Source, offset: number, message: string): Finding {
  return { path: source.path, line: lineAt(source.text, offset), message };
}

/** Visits every node below `root`, parents first, with the chain of parents (nearest last). */
export function walk(root: unknown, visit: (node: SyntaxNode, parents: readonly SyntaxNode[]) => void): void {
  const parents: SyntaxNode[] = [];
  const descend = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const item of value) descend(item);
      return;
    }
    if (!isSyntaxNode(value)) return;
    visit(value, parents);
    parents.push(value);
    for (const field of Object.values(value)) descend(field);
    parents.pop();
  };
  descend(root);
}

/** True for a value that is a node of the syntax tree. */
export function isSyntaxNode(value: unknown): value is SyntaxNode {
  return (
    typeof value === "object" &&
    value !== null &&
    "type" in value &&
    typeof value.type === "string" &&
    "start" in value &&
    typeof value.start === "number"
  );
}

/** The name of an identifier node, else undefined. */
export function identifierName(node: unknown): string | undefined {
  return isSyntaxNode(node) && node.type === "Identifier" && typeof node.name === "string"
    ? node.name
    : undefined;
}
