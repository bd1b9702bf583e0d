import { isInitSection } from "../elf/init-sections.ts";
import type { TableRow } from "../table/alias-table.ts";

/** Warnings for someone who is about to probe or patch a symbol, each without its subject. */
export function cautionsOf({ section, parameters, arriving }: TableRow): string[] {
  const cautions: string[] = [];
  if (isInitSection(section)) cautions.push(`is in ${section}, which is freed after initialisation`);
  // Tables of earlier versions lack these keys.
  if (parameters && arriving && arriving.length < parameters) {
    const left = arriving.length === 0 ? "none arrives" : `only ${arriving.join(", ")} arrive`;
    cautions.push(`has lost parameters: of ${parameters} in the source, ${left}, so their registers differ`);
  }
  return cautions;
}
