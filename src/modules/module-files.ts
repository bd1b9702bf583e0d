import { readdirSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import { cannotRead, Failure } from "../failure.ts";
import { readWhole } from "../files/read-file.ts";

/** A module's object file. */
export interface ModuleFile {
  readonly path: string;
  /** The name that the kernel gives the module. */
  readonly name: string;
  /** Where a changed copy goes, under the output directory. */
  readonly output: string;
}

const SUFFIX = /(\.ko(\.gz|\.xz|\.zst)?|\.o)$/;

/** The module's name: the file's without its suffix, `-` turned into `_` (KBUILD_MODNAME, scripts/Makefile.lib). */
export function moduleNameOf(path: string): string {
  return basename(path).replace(SUFFIX, "").replaceAll("-", "_");
}

const moduleFile = (path: string, output: string): ModuleFile => ({ path, name: moduleNameOf(path), output });

/**
 * Modules named one by one; their copies go to the output directory itself.
 * @example
 * console.log(namedModules(["modules/drivers/beta/beta.ko"])[0].name);
 */
export function namedModules(paths: readonly string[]): ModuleFile[] {
  return paths.map((path) => {
    if (SUFFIX.test(path)) return moduleFile(path, basename(path));
    throw new Failure("WRONG_KIND", path, "is no module's name", "give .ko or .o files");
  });
}

/**
 * The modules of a modules.order, whose entries are paths relative to its own folder; those that a build with an absolute
 * `M=` writes are absolute. Copies of modules outside that folder go to the output directory itself.
 *
 * @throws Failure for a file that cannot be read, or an entry that is no .o or .ko
 * @example
 * console.log(orderedModules("modules/modules.order").map(({ name }) => name));
 */
export function orderedModules(order: string): ModuleFile[] {
  const folder = dirname(order);
  const entries = readWhole(order, "build the modules first").toString().split("\n");
  return entries.flatMap((entry, index) => {
    if (entry === "") return [];
    if (/\.k?o$/.test(entry)) {
      const path = isAbsolute(entry) ? entry : join(folder, entry);
      const output = relative(folder, path);
      return [moduleFile(path, output.startsWith("../") ? basename(output) : output)];
    }
    throw new Failure(
      "WRONG_KIND",
      order,
      `line ${index + 1} names no .o or .ko: "${entry.slice(0, 60)}"`,
      "give a modules.order",
    );
  });
}

/**
 * The .ko files below a directory, compressed ones too, in the order of their paths' bytes. Links to directories are not
 * followed, such as `build` in /lib/modules/<release>, which leads to the whole kernel tree. A link to one of the files is
 * left out, and so is a module of which updates/ has another build: depmod prefers that (depmod.d(5), `search`).
 * @example
 * console.log(modulesBelow("modules").map(({ path }) => path));
 */
export function modulesBelow(directory: string): ModuleFile[] {
  const found = filesBelow(directory, "").filter(({ file }) => /\.ko(\.gz|\.xz|\.zst)?$/.test(file));
  if (found.length === 0)
    throw new Failure("WRONG_KIND", directory, "holds no .ko", "name the directory of the modules");
  const identity = ({ file }: FoundFile) => {
    const status = statSync(join(directory, file), { throwIfNoEntry: false });
    return status && `${status.dev}:${status.ino}`;
  };
  const files = new Set(found.filter(({ isLink }) => !isLink).map(identity));
  const isUpdate = ({ file }: FoundFile) => file.startsWith("updates/");
  const updated = new Set(found.filter(isUpdate).map(({ file }) => moduleNameOf(file)));
  return found
    .filter((each) => !(each.isLink && files.has(identity(each))))
    .filter((each) => isUpdate(each) || !updated.has(moduleNameOf(each.file)))
    .map(({ file }) => ({ file, bytes: Buffer.from(file) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ file }) => moduleFile(join(directory, file), file));
}

interface FoundFile {
  /** Its path, relative to the directory. */
  readonly file: string;
  readonly isLink: boolean;
}

/** The files below a folder of a directory. */
function filesBelow(directory: string, folder: string): FoundFile[] {
  const path = join(directory, folder);
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
      const file = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(directory, file) : [{ file, isLink: entry.isSymbolicLink() }];
    });
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw cannotRead(path, error);
  }
}

/** @throws Failure for two files of one module's name, which the kernel would not load together */
export function checkNames(modules: readonly ModuleFile[]): void {
  const paths = new Map<string, string>();
  for (const { name, path } of modules) {
    const other = paths.get(name);
    if (other !== undefined) {
      throw new Failure("WRONG_USAGE", path, `is the module ${name}, and so is ${other}`, "give one of them");
    }
    paths.set(name, path);
  }
}
