// The values of --object and --name that no symbol of the given tables can have.
import { Failure } from "../failure.ts";
import { closestNames } from "../lookup/closest-names.ts";
import type { TableRow } from "../table/alias-table.ts";

/** Whether a row is one that --name and --object ask for. */
export function isAskedFor(
  row: Pick<TableRow, "name" | "object">,
  name: RegExp | undefined,
  objects: readonly string[],
): boolean {
  return name?.test(row.name) !== false && (objects.length === 0 || objects.includes(row.object));
}

/** Checks the values of --object. @throws Failure for one that no table has, such as a typo */
export function checkObjects(wanted: readonly string[], objects: Iterable<string>): void {
  const known = new Set(objects);
  for (const object of wanted) {
    if (known.has(object)) continue;
    const closest = closestNames(object, known);
    const advice = closest.length > 0 ? `give ${closest.join(" or ")}` : "give a table that has it";
    throw new Failure("WRONG_USAGE", `--object ${object}`, "is in no table", advice);
  }
}

/** The failure for a --name that matches no symbol of the tables. */
export function nothingMatches(name: RegExp): Failure {
  return new Failure("WRONG_USAGE", `--name ${name.source}`, "matches no symbol", "correct the expression");
}
