import { livePatchNames } from "../symbols/kallsyms-names.ts";
import { comparedName, type KallsymsNames } from "../symbols/name-anatomy.ts";
import type { TableHeader, TableRow } from "../table/alias-table.ts";

/** A symbol as a live patch names it: `klp_object.name`, and of `struct klp_func` old_name and old_sympos. */
export interface OldSymbol {
  /** "vmlinux", which is NULL in a klp_object, or a module's name. */
  readonly object: string;
  readonly name: string;
  /** The position among its namesakes in the object, from 1; 0 for a name that is unique there. */
  readonly position: number;
}

/** The object with the kernel's own symbols. */
export const VMLINUX = "vmlinux";

/**
 * The part of a name that live patches compare in an object of a table's kernel (klp_find_object_symbol): in modules the whole
 * name, in vmlinux see docs/names.md.
 */
function namesOfObject({ kernel, options }: TableHeader, object: string): KallsymsNames {
  const { kallsymsNames: names } = options;
  return object === VMLINUX && (names === "llvm" || names === "all")
    ? livePatchNames(names, kernel)
    : "exact";
}

/** The symbol of a table's row as a live patch of that kernel names it. */
export function oldSymbolOf(header: TableHeader, { object, name, sympos }: TableRow): OldSymbol {
  return { object, name: comparedName(name, namesOfObject(header, object)), position: sympos };
}

/** `vmlinux name_show 4` */
export function formatOldSymbol({ object, name, position }: OldSymbol): string {
  return `${object} ${name} ${position}`;
}
