import { at } from "../checked-index.ts";

/** Above this many comparisons, the k-th is simply paired with the k-th. */
const MAX_COMPARISONS = 1_000_000;

/**
 * Pairs the symbols that have one name, file and unit in an old table with those in a new one, by their lines: equal lines
 * first, in the tables' order; then as many of the rest as both sides have, in the order of their lines, so that
 * the sum of line distances is minimal. Swapping old and new gives the same pairs.
 *
 * @param oldLines from 0, null when unknown
 * @returns indices of an old and of a new line
 */
export function pairByLine(
  oldLines: readonly (number | null)[],
  newLines: readonly (number | null)[],
): [old: number, new: number][] {
  if (oldLines.length === 1 && newLines.length === 1) return [[0, 0]];
  const pairs: [number, number][] = [];
  const [olds, news] = [inOrder(oldLines), inOrder(newLines)];
  const [oldRest, newRest]: [Placed[], Placed[]] = [[], []];
  for (let o = 0, n = 0; o < olds.length || n < news.length; ) {
    const [old, new_] = [olds[o], news[n]];
    if (old !== undefined && old.line === new_?.line) {
      pairs.push([old.index, new_.index]);
      o++;
      n++;
    } else if (old !== undefined && (new_ === undefined || old.line < new_.line)) {
      oldRest.push(old);
      o++;
    } else if (new_ !== undefined) {
      newRest.push(new_);
      n++;
    }
  }
  if (oldRest.length <= newRest.length) {
    for (const [old, new_] of nearest(oldRest, newRest)) pairs.push([old.index, new_.index]);
  } else {
    for (const [new_, old] of nearest(newRest, oldRest)) pairs.push([old.index, new_.index]);
  }
  return pairs;
}

interface Placed {
  readonly index: number;
  /** -1 when unknown. */
  readonly line: number;
}

function inOrder(lines: readonly (number | null)[]): Placed[] {
  return lines.map((line, index) => ({ index, line: line ?? -1 })).sort((a, b) => a.line - b.line);
}

/** Pairs each of the few with one of the many, in order, so that the sum of the distances is minimal. */
function nearest(few: readonly Placed[], many: readonly Placed[]): [Placed, Placed][] {
  const width = many.length + 1;
  if (few.length === many.length || few.length * width > MAX_COMPARISONS) {
    return few.map((placed, i) => [placed, at(many, i)]);
  }
  const distance = (i: number, j: number) => Math.abs(at(few, i - 1).line - at(many, j - 1).line);
  // sums[i * width + j]: the minimal sum when the first i are paired with some of the first j.
  const sums = new Float64Array((few.length + 1) * width);
  for (let i = 1; i <= few.length; i++) {
    sums[i * width + i - 1] = Number.POSITIVE_INFINITY;
    for (let j = i; j <= many.length; j++) {
      const paired = at(sums, (i - 1) * width + j - 1) + distance(i, j);
      sums[i * width + j] = Math.min(at(sums, i * width + j - 1), paired);
    }
  }
  const pairs: [Placed, Placed][] = [];
  for (let i = few.length, j = many.length; i > 0; j--) {
    if (sums[i * width + j - 1] === sums[i * width + j]) continue;
    pairs.push([at(few, i - 1), at(many, j - 1)]);
    i--;
  }
  return pairs;
}
