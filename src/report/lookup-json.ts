import type { LookedUp } from "../lookup/look-up.ts";

/** The result of a look-up as one line of JSON, with the full row of each symbol. */
export function lookupAsJson(query: string, { match, rows, closest }: LookedUp): string {
  return `${JSON.stringify({ query, match, symbols: rows, closest })}\n`;
}
