import { Failure } from "../failure.ts";
import type { AliasTableReader } from "./read-alias-table.ts";

/** @throws Failure for tables of different architectures; an unknown one matches any */
export function checkArchitectures(tables: readonly Pick<AliasTableReader, "source" | "header">[]): void {
  const known = tables.filter(({ header }) => header.arch !== null);
  const other = known.find(({ header }) => header.arch !== known[0]?.header.arch);
  if (other === undefined) return;
  const problem = `is for ${other.header.arch}, but ${known[0]?.source} is for ${known[0]?.header.arch}`;
  throw new Failure("OTHER_BUILD", other.source, problem, "give --force to compare them anyway");
}
