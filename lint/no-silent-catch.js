import { excusable } from "./directive.js";
import { contains, definitionOf, isFunction, isNothing, lastName } from "./syntax.js";

/** @typedef {import("./syntax.js").Node} Node */
/** @typedef {Set<string>} Names the names that the caught error goes by */

const SILENT = "This failure leaves no trace: rethrow it, return a code, count it, or pass the error on.";
const QUIET_NAMES = /^(noop|ignore|swallow|silence|discard)/i;
/** Counters, and the assertions of a test: they throw. */
const SPEAKERS = /^(count(er)?s?|expect|assert)$|Count(er)?s?$/;
const SPEAKING_CALLS = new Set(["count", "reject", "fail", "abort"]);

/** @type {(node: Node, names: Names) => boolean} */
const mentions = (node, names) => contains(node, (n) => n.type === "Identifier" && names.has(n.name));

/** Whether a call counts a failure, or hands it on under a name of its own. @type {(call: Node) => boolean} */
function speaks(call) {
  if (SPEAKING_CALLS.has(lastName(call.callee) ?? "")) return true;
  const exits = lastName(call.callee) === "exit" && lastName(call.callee.object) === "process";
  return exits || contains(call.callee, (n) => SPEAKERS.test(n.name ?? ""));
}

/** Whether evaluating this expression deals with the error. @type {(node: Node, names: Names) => boolean} */
function deals(node, names) {
  return contains(node, (n) => {
    if (n.type === "CallExpression") return speaks(n) || mentions(n.arguments, names);
    if (n.type === "NewExpression") return mentions(n.arguments, names);
    if (n.type === "AssignmentExpression")
      return mentions(n.right, names) || (lastName(n.left) === "exitCode" && !isNothing(n.right));
    return n.type === "YieldExpression" && mentions(n.argument, names);
  });
}

/**
 * How a run of statements leaves the error: `dealt` with, `dropped` on some path out of it, or still `open` at its end.
 * A branch chosen by looking at the error itself has dealt with the kind it chose; so has one chosen by one's own abort.
 *
 * @type {(statements: Node[], names: Names) => "dealt" | "dropped" | "open"}
 */
function outcome(statements, names) {
  for (const statement of statements) {
    const result = outcomeOf(statement, names);
    if (result !== "open") return result;
  }
  return "open";
}

/** @type {(statement: Node, names: Names) => "dealt" | "dropped" | "open"} */
function outcomeOf(statement, names) {
  switch (statement.type) {
    case "ThrowStatement":
      return "dealt";
    case "ReturnStatement":
      return answers(statement) ? "dealt" : "dropped";
    case "BreakStatement":
    case "ContinueStatement":
      return "dropped";
    case "BlockStatement":
      return outcome(statement.body, names);
    case "IfStatement":
      return outcomeOfIf(statement, names);
    case "VariableDeclaration":
      for (const { id, init } of statement.declarations) {
        if (contains(init, (n) => n.type === "CallExpression" && speaks(n))) return "dealt";
        if (mentions(init, names)) for (const name of namesIn(id)) names.add(name);
      }
      return "open";
    case "TryStatement":
      return outcome([...statement.block.body, ...(statement.finalizer?.body ?? [])], names);
    case "ExpressionStatement":
      return deals(statement, names) ? "dealt" : "open";
    default:
      return deals(statement, names) || contains(statement, speaksOut, (n) => !isFunction(n))
        ? "dealt"
        : "open";
  }
}

/** @type {(statement: Node) => boolean} */
const speaksOut = (statement) => statement.type === "ThrowStatement" || answers(statement);

/**
 * Whether a return gives the caller something to see: a value, or an `undefined` that the function's type announces
 * beside its values.
 *
 * @type {(statement: Node) => boolean}
 */
function answers({ type, argument, parent }) {
  if (type !== "ReturnStatement") return false;
  if (!isNothing(argument)) return true;
  let fn = parent;
  while (fn !== null && !isFunction(fn)) fn = fn.parent;
  return argument !== null && contains(fn?.returnType, announcesNothing);
}

/** @type {(type: Node) => boolean} */
const announcesNothing = ({ type, types }) =>
  type === "TSUnknownKeyword" ||
  (type === "TSUnionType" && types.some((/** @type {Node} */ each) => each.type === "TSUndefinedKeyword"));

/** A failure after one's own abort is its echo. @type {(node: Node) => boolean} */
const asksForAbort = (node) => node.type === "MemberExpression" && lastName(node) === "aborted";

/** @type {(statement: Node, names: Names) => "dealt" | "dropped" | "open"} */
function outcomeOfIf({ test, consequent, alternate }, names) {
  const then = outcomeOf(consequent, names);
  const otherwise = alternate === null ? "open" : outcomeOf(alternate, names);
  const both = [then, otherwise];
  if (both.every((each) => each === "dealt")) return "dealt";
  const looked = mentions(test, names) || contains(test, asksForAbort);
  if (!looked) return both.includes("dropped") ? "dropped" : "open";
  if (alternate === null) return then === "dealt" && leaves(consequent) ? "dealt" : "open";
  if (both.includes("dealt")) return "dealt";
  return both.includes("open") ? "open" : "dropped";
}

/** Whether nothing after this statement runs. @type {(statement: Node) => boolean} */
function leaves(statement) {
  const last = statement.type === "BlockStatement" ? statement.body.at(-1) : statement;
  return /^(Throw|Return|Break|Continue)Statement$/.test(last?.type ?? "");
}

/** @type {(param: Node) => Names} */
function namesIn(param) {
  /** @type {Names} */
  const names = new Set();
  contains(param, (n) => n.type === "Identifier" && names.add(n.name) && false);
  return names;
}

/** Whether a handler of rejections gives nothing on. @type {(fn: Node) => boolean} */
function silentFunction({ params, body }) {
  const names = namesIn(params);
  if (body.type === "BlockStatement" || body.type === "FunctionBody")
    return outcome(body.body, names) !== "dealt";
  if (isNothing(body)) return true;
  const called = body.type === "AwaitExpression" ? body.argument : body;
  return called.type === "CallExpression" && called.arguments.length === 0 && !deals(called, names);
}

/**
 * Every `catch`, `.catch(...)` and second argument of `.then(...)` must do something with the failure, and a listener
 * for "error" events must not be empty. `// lint: catch-ok <reason>` excuses one.
 */
export const noSilentCatch = {
  create(/** @type {import("./syntax.js").Context} */ context) {
    const findings = excusable(context, "catch-ok");

    /** @type {(handler: Node) => boolean} */
    function silent(handler) {
      if (handler?.type !== "Identifier") return isFunction(handler) && silentFunction(handler);
      const definition = definitionOf(context, handler);
      return QUIET_NAMES.test(handler.name) || (isFunction(definition) && silentFunction(definition));
    }

    return {
      CatchClause(/** @type {Node} */ node) {
        const names = namesIn(node.param);
        if (outcome(node.body.body, names) !== "dealt") findings.report(node, SILENT);
      },
      CallExpression(/** @type {Node} */ node) {
        if (node.callee.type !== "MemberExpression") return;
        const [first, second] = node.arguments;
        const method = lastName(node.callee) ?? "";
        if (method === "catch" && silent(first)) findings.report(first, SILENT);
        if (method === "then" && silent(second)) findings.report(second, SILENT);
        if (/^(on|once|addListener|addEventListener)$/.test(method) && first?.value === "error") {
          const empty = isFunction(second) && second.body.body?.length === 0;
          if (empty || (second?.type === "Identifier" && QUIET_NAMES.test(second.name)))
            findings.report(second, SILENT);
        }
      },
      "Program:exit": () => findings.finish(),
    };
  },
};
