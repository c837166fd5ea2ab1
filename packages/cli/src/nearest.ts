/** The word of `words` that `typed` was most likely meant to be; undefined when none is near. */
export function nearest(typed: string, words: readonly string[]): string | undefined {
  const beginning = typed.length > 1 ? words.filter((word) => word.startsWith(typed)) : [];
  if (beginning.length === 1) return beginning[0];
  const limit = Math.max(1, Math.floor(typed.length / 3));
  let best: string | undefined;
  let least = limit + 1;
  for (const word of words) {
    const distance = edits(typed, word);
    if (distance < least) [best, least] = [word, distance];
  }
  return best;
}

/** How many letters must be put in, taken out, changed or swapped with their neighbour (optimal string alignment). */
function edits(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const next = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let least = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1])
        least = Math.min(least, (before[column - 2] ?? 0) + 1);
      next.push(least);
    }
    [before, last] = [last, next];
  }
  return last[to.length] ?? 0;
}
