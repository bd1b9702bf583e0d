import type { TableRow } from "./alias-table.ts";

/** What somebody who is about to probe or patch a symbol should know of it, each as the rest of a sentence. */
export function cautionsOf({ section }: TableRow): string[] {
  const cautions: string[] = [];
  if (section?.startsWith(".init")) cautions.push(`is in ${section}, which is gone after initialisation`);
  return cautions;
}
