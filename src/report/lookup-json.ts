import type { LookedUp } from "../lookup/look-up.ts";

/** What a look-up has found as one line of JSON, with all that the table has of each symbol. */
export function lookupAsJson(query: string, { match, rows, closest }: LookedUp): string {
  return `${JSON.stringify({ query, match, symbols: rows, closest })}\n`;
}
