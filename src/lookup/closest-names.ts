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
  const measured = Array.from(new Set(names), (name) => ({ name, edits: distance(typed, name) }));
  measured.sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1));
  return measured.slice(0, SUGGESTIONS).map(({ name }) => name);
}
