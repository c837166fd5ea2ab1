/**
 * oxlint hands a rule ESTree nodes, and does not export their types.
 *
 * @typedef {any} Node
 * @typedef {object} Context
 * @property {{ lines: string[], getAllComments(): Node[], getScope(node: Node): Node }} sourceCode
 * @property {(finding: { node: Node, message: string }) => void} report
 */

/**
 * Whether a node, or anything in it, satisfies `test`.
 *
 * @param {Node} node
 * @param {(node: Node) => boolean} test
 * @param {(node: Node) => boolean} [enter] whether to look inside a node; by default, everywhere
 * @returns {boolean}
 */
export function contains(node, test, enter = () => true) {
  if (node === null || typeof node !== "object") return false;
  if (Array.isArray(node)) return node.some((each) => contains(each, test, enter));
  if (typeof node.type !== "string") return false;
  if (test(node)) return true;
  if (!enter(node)) return false;
  return Object.keys(node).some((key) => key !== "parent" && contains(node[key], test, enter));
}

/** @param {Node} node */
export function isFunction(node) {
  return (
    node?.type === "ArrowFunctionExpression" ||
    node?.type === "FunctionExpression" ||
    node?.type === "FunctionDeclaration"
  );
}

/**
 * The last name of a callee: `add` for `this.#counters.add`, `count` for `count`.
 *
 * @param {Node} callee
 * @returns {string | undefined}
 */
export function lastName(callee) {
  if (callee?.type === "Identifier" || callee?.type === "PrivateIdentifier") return callee.name;
  if (callee?.type === "ChainExpression") return lastName(callee.expression);
  if (callee?.type !== "MemberExpression") return undefined;
  if (callee.computed) return callee.property.type === "Literal" ? String(callee.property.value) : undefined;
  return callee.property.name;
}

/** @param {Node} node an expression that may be `undefined`, `void 0` or missing */
export function isNothing(node) {
  if (node === null || node === undefined) return true;
  return (
    (node.type === "Identifier" && node.name === "undefined") ||
    (node.type === "UnaryExpression" && node.operator === "void")
  );
}

/**
 * What a name stands for in this file: the import specifier, function or initial value that defines it.
 *
 * @param {import("./syntax.js").Context} context
 * @param {Node} identifier
 * @returns {Node | undefined} `undefined` for globals and parameters
 */
export function definitionOf(context, identifier) {
  for (let scope = context.sourceCode.getScope(identifier); scope !== null;) {
    const definition = scope.set.get(identifier.name)?.defs[0];
    if (definition !== undefined) {
      const { node } = definition;
      return node.type === "VariableDeclarator"
        ? node.init
        : definition.type === "Parameter"
          ? undefined
          : node;
    }
    scope = scope.upper;
  }
  return undefined;
}
