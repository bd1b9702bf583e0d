import { distance } from "fastest-levenshtein";

const SUGGESTIONS = 5;

/** The names that `typed` may stand for, most similar first: up to a third of its characters may be wrong. */
export function closestNames(typed: string, names: Iterable<string>): string[] {
  const limit = Math.max(2, Math.floor(typed.length / 3));
  const close: string[] = [];
  for (const name of names) {
    // Each extra or missing character is an edit.
    if (Math.abs(name.length - typed.length) > limit) continue;
    if (distance(typed, name) <= limit) close.push(name);
  }
  return mostAlike(typed, close);
}

/** The nearest few names by Levenshtein distance. */
export function mostAlike(typed: string, names: readonly string[]): string[] {
  const measured = Array.from(new Set(names), (name) => ({ name, edits: distance(typed, name) }));
  measured.sort((a, b) => a.edits - b.edits || (a.name < b.name ? -1 : 1));
  return measured.slice(0, SUGGESTIONS).map(({ name }) => name);
}
