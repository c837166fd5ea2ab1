/**
 * What `promise` gives, unless the signal fires first: then its reason is thrown, and what comes late is handed to `dispose`. The listener is
 * gone afterwards: signals live long.
 */
export async function unlessAborted<Value>(
  signal: AbortSignal,
  promise: Promise<Value>,
  dispose?: (late: Value) => void,
): Promise<Value> {
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([aborted, promise]);
  } catch (error) {
    if (signal.aborted && dispose !== undefined) void disposeLate(promise, dispose);
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function disposeLate<Value>(promise: Promise<Value>, dispose: (late: Value) => void): Promise<void> {
  const [late] = await Promise.allSettled([promise]);
  if (late.status === "fulfilled") dispose(late.value);
}

/** The same as a promise for a function that calls back. */
export function called<Value>(
  start: (done: (error: Error | null | undefined, value: Value) => void) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error instanceof Error) reject(error);
      else resolve(value);
    });
  });
}
