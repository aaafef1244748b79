import { type Finding, findingAt, identifierName, type Source, type SyntaxNode, walk } from "../source.js";

/** A file that may read the environment: an app's one config file, tests, and what stands under test/. */
const ENVIRONMENT_READERS = /^apps\/[^/]+\/src\/config\/env\.ts$|^test\/|\.test\.ts$/;

/** Files that may write to the console: the command line and the benchmarks it runs. */
const CONSOLE_WRITERS = /^apps\/cli\/|^test\/load\//;

/** Configuration files of tools, whose form the tool decides. */
const TOOL_CONFIG = /(^|\/)[^/]+\.config\.ts$/;

const BANNED_DIRECTIVES = /@ts-(ignore|nocheck)\b/;

/** Tags of unfinished work other than the two that STYLE habit 16 names. */
const BANNED_TAGS = /\b(FIXME|XXX|HACK|BUG|OPTIMIZE|WIP)\b(?=[:\s(])|\b(TODO|NOTE)\b(?!:)/;

/** Forms of the language that this house does not use: `any`, silenced errors, default exports, decorators. */
export function checkSyntax(source: Source): Finding[] {
  return [...checkNodes(source), ...checkComments(source), ...checkExportForms(source)];
}

function checkNodes(source: Source): Finding[] {
  const found: Finding[] = [];
  const add = (node: SyntaxNode, message: string) => found.push(findingAt(source, node.start, message));
  walk(source.program, (node) => {
    if (node.type === "TSAnyKeyword") add(node, "type any is not used: name the type, or unknown");
    if (node.type === "Decorator") add(node, "decorators are not used");
    if (node.type === "MemberExpression") checkMember(source, node, add);
  });
  return found;
}

function checkMember(
  source: Source,
  node: SyntaxNode,
  add: (node: SyntaxNode, message: string) => void,
): void {
  const object = identifierName(node.object);
  const property = memberName(node);
  if (object === "process" && property === "env" && !ENVIRONMENT_READERS.test(source.path)) {
    add(node, "process.env is read only in apps/*/src/config/env.ts");
  }
  if (object === "console" && !CONSOLE_WRITERS.test(source.path)) {
    add(node, "console is used only in apps/cli: log through @latentfarm/telemetry");
  }
}

function memberName(node: SyntaxNode): string | undefined {
  const property = node.property;
  const value =
    typeof property === "object" && property !== null && "value" in property ? property.value : undefined;
  return identifierName(property) ?? (typeof value === "string" ? value : undefined);
}

function checkComments(source: Source): Finding[] {
  return source.comments.flatMap((comment) => {
    const found: Finding[] = [];
    if (BANNED_DIRECTIVES.test(comment.value)) {
      found.push(findingAt(source, comment.start, "errors of the compiler are not silenced"));
    }
    const tag = BANNED_TAGS.exec(comment.value)?.[0];
    if (tag !== undefined) {
      found.push(
        findingAt(source, comment.start, `tag ${tag} is not used: NOTE: and TODO: are the only tags`),
      );
    }
    return found;
  });
}

function checkExportForms(source: Source): Finding[] {
  const found: Finding[] = [];
  walk(source.program, (node) => {
    if (node.type === "ExportAllDeclaration") {
      found.push(findingAt(source, node.start, "export * is not used: list the names"));
    }
    const names = node.type === "ExportSpecifier" && identifierName(node.exported) === "default";
    if ((node.type === "ExportDefaultDeclaration" || names) && !TOOL_CONFIG.test(source.path)) {
      found.push(findingAt(source, node.start, "default exports are not used"));
    }
  });
  return found;
}
