import {
  type Finding,
  findingAt,
  identifierName,
  isSyntaxNode,
  type Source,
  type SyntaxNode,
} from "../source.js";

/** Every name that a file exports must have a docstring where it is declared; re-exports are judged at their origin. */
export function checkDocstrings(source: Source): Finding[] {
  const body: readonly unknown[] = source.program.body;
  const statements = body.filter(isSyntaxNode);
  const found: Finding[] = [];
  const require = (statement: SyntaxNode, name: string) => {
    if (!hasDocstring(source, statement.start)) {
      found.push(findingAt(source, statement.start, `export ${name} has no docstring`));
    }
  };
  for (const statement of statements) {
    if (statement.type !== "ExportNamedDeclaration" || isSyntaxNode(statement.source)) continue;
    const declaration = statement.declaration;
    if (isSyntaxNode(declaration)) {
      if (!isLaterOverload(statements, statement)) require(statement, declaredNames(declaration).join(", "));
      continue;
    }
    for (const name of localNames(statement)) {
      const origin = statements.find((other) => declaredNames(other).includes(name));
      if (origin) require(origin, name);
    }
  }
  return found;
}

/** The packages without a README. */
export function checkReadmes(folders: readonly string[], files: readonly string[]): Finding[] {
  const present = new Set(files);
  return folders
    .filter((folder) => !present.has(`${folder}/README.md`))
    .map((folder) => ({ path: folder, line: 1, message: "package has no README.md" }));
}

function hasDocstring(source: Source, start: number): boolean {
  return source.comments.some(
    (comment) =>
      comment.type === "Block" &&
      comment.value.startsWith("*") &&
      comment.end <= start &&
      /^\s*$/.test(source.text.slice(comment.end, start)) &&
      comment.value.replace(/[\s*]/g, "") !== "",
  );
}

/** Overloads share the docstring of the first. */
function isLaterOverload(statements: readonly SyntaxNode[], statement: SyntaxNode): boolean {
  const before = statements[statements.indexOf(statement) - 1];
  const declaration = before?.declaration;
  if (!isSyntaxNode(declaration) || declaration.type !== "TSDeclareFunction") return false;
  const current = statement.declaration;
  return isSyntaxNode(current) && declaredNames(current)[0] === declaredNames(declaration)[0];
}

function declaredNames(node: SyntaxNode): string[] {
  const declarations = node.declarations;
  const declared = Array.isArray(declarations) ? declarations.filter(isSyntaxNode) : [node];
  return declared.map((item) => identifierName(item.id)).filter((name) => name !== undefined);
}

function localNames(statement: SyntaxNode): string[] {
  const specifiers = statement.specifiers;
  if (!Array.isArray(specifiers)) return [];
  return specifiers
    .filter(isSyntaxNode)
    .map((specifier) => identifierName(specifier.local))
    .filter((name) => name !== undefined);
}
