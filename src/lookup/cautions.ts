import type { TableRow } from "../table/alias-table.ts";

/** What somebody who is about to probe or patch a symbol should know of it, each as the rest of a sentence. */
export function cautionsOf({ section, parameters, arriving }: TableRow): string[] {
  const cautions: string[] = [];
  if (section?.startsWith(".init")) cautions.push(`is in ${section}, which is gone after initialisation`);
  // Tables of earlier versions do not have the keys.
  if (parameters && arriving && arriving.length < parameters) {
    const left = arriving.length === 0 ? "none arrives" : `only ${arriving.join(", ")} arrive`;
    cautions.push(
      `has lost parameters: of ${parameters} in the source ${left}, so their registers are others`,
    );
  }
  return cautions;
}
