// The library that the command line is built on. docs/library.md introduces it; its examples run in the tests.

export {
  aliasModules,
  type ModulesInput,
  type ModulesProgress,
  type ModulesResult,
} from "./alias/alias-modules.ts";
export {
  aliasVmlinux,
  type RunCounts,
  type VmlinuxInput,
  type VmlinuxResult,
} from "./alias/alias-vmlinux.ts";
export type { FilterOptions } from "./alias/filters.ts";
export { aliasName, type NamingOptions, type Place } from "./alias/naming.ts";
export type { ModulesOptions, VmlinuxOptions } from "./alias/options.ts";
export { reuseAliases } from "./alias/reuse-table.ts";
export { openPossiblyCompressed } from "./elf/compressed-file.ts";
export { type ElfFile, openElf } from "./elf/elf-file.ts";
export { Failure, type FailureCode } from "./failure.ts";
export { type FileOutput, writeFiles } from "./files/write-files.ts";
export { type CheckedPatch, checkPatch } from "./livepatch/check-patch.ts";
export { type LivePatch, readLivePatch } from "./livepatch/patch-module.ts";
export { type LookedUp, lookUp, lookUpExactly, type Match } from "./lookup/look-up.ts";
export { oneSymbol } from "./lookup/one-symbol.ts";
export { probe } from "./lookup/probe.ts";
export type { ProbePoint } from "./lookup/probe-points.ts";
export { type SearchedTable, searchAliasTable } from "./lookup/search-alias-table.ts";
export { injectAliases } from "./modules/inject.ts";
export { type ModuleFile, modulesBelow, namedModules, orderedModules } from "./modules/module-files.ts";
export { locateAddresses, type SourceLine } from "./source-lines/locate-addresses.ts";
export {
  type Locator,
  type LocatorOptions,
  openLocator,
  openObjectLocator,
} from "./source-lines/open-locator.ts";
export { KSYM_NAME_LEN } from "./symbols/kallsyms-names.ts";
export { type Listing, readListing } from "./symbols/listing.ts";
export { TABLE_SCHEMA, type TableHeader, type TableRow, tablePieces } from "./table/alias-table.ts";
export { type Change, type Difference, diffTables, type Group, type Reason } from "./table/diff-tables.ts";
export type { History, HistoryEvent, SymbolHistory } from "./table/history.ts";
export { type HistoryOptions, readHistory } from "./table/history-tables.ts";
export { compareKernelVersions } from "./table/kernel-version.ts";
export {
  type AliasTableReader,
  readAliasTable,
  readWholeTable,
  type WholeTable,
} from "./table/read-alias-table.ts";
