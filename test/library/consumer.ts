// A program that uses the library. library.test.ts compiles it against dist/types; each @ts-expect-error must be an error.
import {
  aliasModules,
  aliasVmlinux,
  type Change,
  diffTables,
  Failure,
  lookUp,
  type Match,
  modulesBelow,
  openElf,
  openLocator,
  readHistory,
  readWholeTable,
  searchAliasTable,
  type TableRow,
  type VmlinuxOptions,
} from "kas-alias";

export async function aliases(path: string): Promise<string[]> {
  const { rows, counts } = await aliasVmlinux({ image: openElf(path) });
  const count: number = counts.aliases;
  const found = [...rows()].flatMap(({ alias }: TableRow): string[] => (alias === null ? [] : [alias]));
  return found.length === count ? found : [];
}

const someOptions: Partial<VmlinuxOptions> = { data: true, location: "decl", kallsymsNames: "llvm" };
// @ts-expect-error: there is no such location
const wrongOptions: Partial<VmlinuxOptions> = { location: "exit" };
// @ts-expect-error: the rows of a table are not to be changed
(readWholeTable("table").rows[0] ?? ({} as TableRow)).name = "other";

export async function all(directory: string): Promise<void> {
  await aliasVmlinux({ image: openElf("vmlinux") }, { ...someOptions, ...wrongOptions });
  const { injections } = await aliasModules({ modules: modulesBelow(directory) }, { scope: "object" });
  for (const { module, aliases } of injections) console.log(module.name, aliases.size);
  // @ts-expect-error: a locator needs a file that is open
  await openLocator("vmlinux");
  const changes: readonly Change[] = diffTables(readWholeTable("a"), readWholeTable("b")).changes;
  const match: Match | null = lookUp(searchAliasTable("t"), "name").match;
  const kernels = [...readHistory(["a", "b"]).symbols()].flatMap((symbol) =>
    symbol.events().map(({ kernel }) => kernel),
  );
  console.log(changes.length, match, kernels.length);
}

export function isMissing(error: unknown): boolean {
  return error instanceof Failure && error.code === "CANNOT_READ";
}
