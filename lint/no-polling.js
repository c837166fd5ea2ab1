import { excusable } from "./directive.js";
import { contains, definitionOf, isFunction, lastName } from "./syntax.js";

/** @typedef {import("./syntax.js").Node} Node */

const INTERVAL = "Polling: act on the event, or arm one timer as a deadline.";
const LOOP = "Polling: this loop waits for time to pass; wait for the event itself.";
const REARMED = "Polling: a timer that arms itself again is an interval; arm it on the event.";
const DELAY_NAMES = /^(sleep|delay|pause|snooze|nap|wait|setTimeout|setImmediate)$/;
const DELAY_METHODS = /^(scheduler\.wait|Atomics\.wait|.*\.(sleep|delay|setTimeout|setImmediate))$/;
const POLLING_NAMES = new Set(["setInterval", "watchFile"]);
const POLLING_METHODS = new Set(["vi.waitFor", "vi.waitUntil", "expect.poll"]);

/**
 * Bans what looks again and again for work or state: intervals, `watchFile`, loops that await a delay, timers that arm
 * themselves, and the pollers of a test runner. `// lint: polling-ok <reason>` excuses one.
 */
export const noPolling = {
  create(/** @type {import("./syntax.js").Context} */ context) {
    const findings = excusable(context, "polling-ok");

    /** Whether a call only lets time pass. @type {(node: Node) => boolean} */
    function isDelay(node) {
      if (node.type === "NewExpression") {
        const body = onlyExpression(node.callee.name === "Promise" ? node.arguments[0] : undefined);
        return body?.type === "CallExpression" && DELAY_NAMES.test(lastName(body.callee) ?? "");
      }
      if (node.type !== "CallExpression") return false;
      if (node.callee.type !== "Identifier") return DELAY_METHODS.test(methodName(node.callee));
      const definition = definitionOf(context, node.callee);
      if (definition?.type === "ImportSpecifier")
        return DELAY_NAMES.test(node.callee.name) || DELAY_NAMES.test(lastName(definition.imported) ?? "");
      if (!isFunction(definition)) return DELAY_NAMES.test(node.callee.name);
      const body = unwrapped(onlyExpression(definition));
      return DELAY_NAMES.test(node.callee.name) || (body !== undefined && body !== node && isDelay(body));
    }

    /** @type {(loop: Node) => void} */
    function checkLoop(loop) {
      const waits = contains(
        [loop.body, loop.test, loop.update],
        (node) => node.type === "AwaitExpression" && contains(node.argument, isDelay, (n) => !isFunction(n)),
        (node) => !isFunction(node),
      );
      if (waits) findings.report(loop, LOOP);
    }

    /** @type {(call: Node) => void} */
    function checkRearming(call) {
      const [callback] = call.arguments;
      const target = isFunction(callback) ? unwrapped(onlyExpression(callback))?.callee : callback;
      const name = lastName(target);
      if (name === undefined) return;
      for (let node = call.parent; node !== null; node = node.parent) {
        const own = node.id ?? (isFunction(node) ? (node.parent?.key ?? node.parent?.id) : undefined);
        if (isFunction(node) && node !== callback && lastName(own) === name) findings.report(call, REARMED);
      }
    }

    return {
      Identifier(/** @type {Node} */ node) {
        if (POLLING_NAMES.has(node.name)) findings.report(node, INTERVAL);
      },
      MemberExpression(/** @type {Node} */ node) {
        if (node.computed && POLLING_NAMES.has(node.property.value)) findings.report(node, INTERVAL);
      },
      CallExpression(/** @type {Node} */ node) {
        const name = lastName(node.callee);
        if (name === "setTimeout" || name === "setImmediate") checkRearming(node);
        if (POLLING_METHODS.has(methodName(node.callee))) findings.report(node, INTERVAL);
      },
      WhileStatement: checkLoop,
      DoWhileStatement: checkLoop,
      ForStatement: checkLoop,
      ForInStatement: checkLoop,
      ForOfStatement: checkLoop,
      "Program:exit": () => findings.finish(),
    };
  },
};

/** The single expression that a function consists of, if it does. @type {(fn: Node) => Node | undefined} */
function onlyExpression(fn) {
  if (!isFunction(fn)) return undefined;
  if (fn.body.type !== "BlockStatement" && fn.body.type !== "FunctionBody") return fn.body;
  const [only, more] = fn.body.body;
  if (more !== undefined) return undefined;
  if (only?.type === "ReturnStatement") return only.argument ?? undefined;
  return only?.type === "ExpressionStatement" ? only.expression : undefined;
}

/** What an `await` or a `void` stands before. @type {(node: Node | undefined) => Node | undefined} */
function unwrapped(node) {
  return node?.type === "AwaitExpression" || node?.operator === "void" ? node?.argument : node;
}

/** `scheduler.wait` for a call of that, `.wait` for one on anything without a name. @type {(callee: Node) => string} */
function methodName(callee) {
  return `${lastName(callee.object) ?? ""}.${lastName(callee) ?? ""}`;
}
