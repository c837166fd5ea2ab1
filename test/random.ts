/** Numbers from 0 to below 1 that one seed gives again: mulberry32, public domain, by Tommy Ettinger. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed of this run: MULTIFLEET_SEED, or a new one. It is printed, so that a failure can be played again. */
export function runSeed(what: string): number {
  const seed = Number(process.env["MULTIFLEET_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`${what}: seed ${seed}`);
  return seed;
}
