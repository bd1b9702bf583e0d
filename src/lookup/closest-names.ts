import { distance } from "fastest-levenshtein";

const SUGGESTIONS = 5;

/** Those names that somebody who typed `typed` may have meant, the most alike first: a third of it may be wrong. */
export function closestNames(typed: string, names: Iterable<string>): string[] {
  const limit = Math.max(2, Math.floor(typed.length / 3));
  const close: string[] = [];
  for (const name of names) {
    // Each character too many or too few is an edit.
    if (Math.abs(name.length - typed.length) > limit) continue;
    if (distance(typed, name) <= limit) close.push(name);
  }
  return mostAlike(typed, close);
}

/** The first few names by Levenshtein's distance. */
export function mostAlike(typed: string, names: readonly string[]): string[] {
  const edits = new Map(names.map((name) => [name, distance(typed, name)]));
  const order = (a: string, b: string) =>
    (edits.get(a) as number) - (edits.get(b) as number) || (a < b ? -1 : 1);
  return [...edits.keys()].sort(order).slice(0, SUGGESTIONS);
}
