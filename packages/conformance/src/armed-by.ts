/** Node's own files that stand between `setTimeout` and whoever called it. */
const between = /^node:(internal\/)?(async_hooks|timers(\/promises)?)$/;

/**
 * The code that is arming a timer just now, or `undefined` where that is Node itself or this kit. To be called by the hook
 * that Node runs while the timer is being made; `hook` is the outermost function of that.
 */
export function armedBy(hook: (...args: never[]) => unknown): string | undefined {
  const caller = frames(hook).find(({ file }) => !between.test(file));
  if (caller === undefined || caller.file.startsWith("node:") || caller.file.startsWith(kit))
    return undefined;
  return `${caller.file}:${caller.line}`;
}

const here = frames(frames)[0]?.file ?? "";
const kit = here.slice(0, here.lastIndexOf("/") + 1);

/** The calls that led to `below`, innermost first, by the files that the engine knows: no source map has a say here. */
function frames(below: (...args: never[]) => unknown): { file: string; line: number }[] {
  const before = Object.getOwnPropertyDescriptor(Error, "prepareStackTrace");
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 30;
  Error.prepareStackTrace = (_, sites) => sites;
  const trace: { stack?: unknown } = {};
  try {
    Error.captureStackTrace(trace, below);
    const sites = trace.stack as NodeJS.CallSite[];
    // A frame without a file is the engine's, such as that of `new Promise`.
    return sites
      .map((site) => ({ file: site.getFileName() ?? "", line: site.getLineNumber() ?? 0 }))
      .filter(({ file }) => file !== "");
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    if (before) Object.defineProperty(Error, "prepareStackTrace", before);
    else Reflect.deleteProperty(Error, "prepareStackTrace");
  }
}
