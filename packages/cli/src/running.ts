import { watch } from "node:fs";
import { readRunning, type Running } from "./home.js";

/**
 * Waits until a daemon that fits has written itself into a home. Woken by the file system, never by the clock.
 *
 * @param home Must exist
 * @returns `found` rejects when the home cannot be watched; `stop` ends the waiting
 */
export function untilRunning(
  home: string,
  fits: (running: Running) => boolean,
): { readonly found: Promise<Running>; stop(): void } {
  const watcher = watch(home);
  const found = new Promise<Running>((resolve, reject) => {
    watcher.on("error", reject);
    watcher.on("change", look);
    look();

    function look(): void {
      const running = readRunning(home);
      if (running === undefined || !fits(running)) return;
      watcher.close();
      resolve(running);
    }
  });
  return { found, stop: () => watcher.close() };
}
