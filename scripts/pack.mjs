import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runPnpm } from "./setup.mjs";

/** @typedef {{ name: string, version: string, filename: string, files: { path: string }[] }} Tarball */

/**
 * Packs every package as it would be published, hands the tarballs to `use`, and removes them afterwards.
 *
 * The packages must be built. Throws what pnpm printed where it could not pack them.
 *
 * @template T
 * @param {(tarballs: Tarball[], directory: string) => Promise<T>} use `filename` of a tarball is its absolute path
 * @returns {Promise<T>}
 */
export async function withTarballs(use) {
  const directory = await mkdtemp(join(tmpdir(), "multifleet-pack-"));
  try {
    const pack = [
      "--recursive",
      "--filter",
      "./packages/*",
      "pack",
      "--json",
      "--pack-destination",
      directory,
    ];
    const { code, output } = await runPnpm(pack);
    // npm may print warnings around pnpm's answer.
    const answer = /^\[$[^]*^\]$/m.exec(output)?.[0];
    if (code !== 0 || answer === undefined) throw new Error(`The packages could not be packed.\n${output}`);
    return await use(JSON.parse(answer), directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
