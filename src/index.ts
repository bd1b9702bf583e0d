// The public API: what the command line is made of, for programs of your own.

export {
  aliasVmlinux,
  type VmlinuxInput,
  type VmlinuxResult,
} from "./alias/alias-vmlinux.ts";
export { aliasName, KSYM_NAME_LEN, type NamingOptions, type Place } from "./alias/naming.ts";
export { openDebugSections } from "./dwarf/debug-sections.ts";
export { type ElfFile, openElf } from "./elf/elf-file.ts";
export { readSymbolTable } from "./elf/symbol-table.ts";
export { Failure } from "./failure.ts";
export { addr2lineResolver } from "./source-lines/addr2line-resolver.ts";
export { type DeclarationFinder, declarationFinder } from "./source-lines/declared-locations.ts";
export { dwarfResolver } from "./source-lines/dwarf-resolver.ts";
export { emptyQueries, type Locations, type Queries, type Resolver } from "./source-lines/resolver.ts";
export { type ElfListing, elfListing } from "./symbols/elf-listing.ts";
export { type Listing, readListing } from "./symbols/listing.ts";
export { TABLE_SCHEMA, type TableHeader, type TableRow, tableLines } from "./table/alias-table.ts";
export {
  type Change,
  type ComparedTable,
  type Difference,
  diffTables,
  type Group,
  type Reason,
} from "./table/diff-tables.ts";
export { type History, newHistory, type SymbolHistory } from "./table/history.ts";
export { compareKernelVersions } from "./table/kernel-version.ts";
export { type AliasTableReader, readAliasTable } from "./table/read-alias-table.ts";
