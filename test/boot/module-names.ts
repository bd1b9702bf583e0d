// What nm says of the names of modules.
import { symbolsOf } from "../commands/module-objects.ts";
import { defined } from "../defined.ts";
import { tool } from "../tool.ts";

/** The names that several symbols of the objects share. */
export function sharedNames(objects: readonly string[]): Set<string> {
  const counts = new Map<string, number>();
  for (const { name } of objects.flatMap(symbolsOf)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => count > 1).map(([name]) => name));
}

/** The names of an object's functions, sorted; those of .init sections and of the compiler's and build's own making left out. */
export function symbolNames(object: string): string[] {
  return symbolsOf(object)
    .filter(({ type, section }) => /[tT]/.test(type) && !section.startsWith(".init"))
    .map(({ name }) => name)
    .filter((name) => !/@|^__|^(init|cleanup)_module$/.test(name))
    .sort();
}

/** The names that a module has aliases for, sorted, and the same left out. */
export function aliasedNames(module: string): string[] {
  const names = tool("nm", [module])
    .toString()
    .matchAll(/ (\S+)@\S+$/gm);
  return Array.from(names, ([, name]) => defined(name, "name before an alias"))
    .filter((name) => !name.startsWith("__"))
    .sort();
}
