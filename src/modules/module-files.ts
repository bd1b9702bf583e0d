import { readdirSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import { cannotRead, Failure } from "../failure.ts";
import { fileIdentity } from "../files/inputs.ts";
import { readWhole, statusOf, textOf } from "../files/read-file.ts";
import { hasControl } from "../printable.ts";

/** A module's object file. */
export interface ModuleFile {
  readonly path: string;
  /** The module's name in the kernel. */
  readonly name: string;
  /** The path of a changed copy, relative to the output directory. */
  readonly output: string;
}

const SUFFIX = /(\.ko(\.gz|\.xz|\.zst)?|\.o)$/;

/** The module's name: the file's name without its suffix, `-` replaced with `_` (KBUILD_MODNAME, scripts/Makefile.lib). */
export function moduleNameOf(path: string): string {
  return basename(path).replace(SUFFIX, "").replaceAll("-", "_");
}

function moduleFile(path: string, output: string): ModuleFile {
  const name = moduleNameOf(path);
  if (!hasControl(name)) return { path, name, output };
  throw new Failure("WRONG_KIND", path, "has a control character in its name", "rename the file");
}

/**
 * Modules given individually; their copies go to the output directory itself.
 * @example
 * console.log(namedModules(["modules/drivers/beta/beta.ko"])[0].name);
 */
export function namedModules(paths: readonly string[]): ModuleFile[] {
  return paths.map((path) => {
    if (SUFFIX.test(path)) return moduleFile(path, basename(path));
    throw new Failure("WRONG_KIND", path, "is not a module file", "give .ko or .o files");
  });
}

/**
 * The modules of a modules.order, whose entries are paths relative to its own directory, or absolute after a build with
 * an absolute `M=`. Copies of modules outside that directory go to the output directory itself.
 *
 * @throws Failure for a file that cannot be read, or an entry that is not a .o or .ko
 * @example
 * console.log(orderedModules("modules/modules.order").map(({ name }) => name));
 */
export function orderedModules(order: string): ModuleFile[] {
  const folder = dirname(order);
  const entries = textOf(order, readWhole(order, "build the modules first")).split("\n");
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
      `line ${index + 1} is not a .o or .ko: "${entry.slice(0, 60)}"`,
      "give a modules.order",
    );
  });
}

/**
 * The .ko files below a directory, also compressed ones, sorted by their paths' bytes. Links to directories are not
 * followed: `build` in /lib/modules/<release>, for example, is a link to the whole kernel tree. Links to one of the files are
 * skipped, and so are modules of which updates/ has another build, which depmod prefers (depmod.d(5), `search`).
 * @example
 * console.log(modulesBelow("modules").map(({ path }) => path));
 */
export function modulesBelow(directory: string): ModuleFile[] {
  const found = filesBelow(directory, "").filter(({ file }) => /\.ko(\.gz|\.xz|\.zst)?$/.test(file));
  if (found.length === 0)
    throw new Failure("WRONG_KIND", directory, "has no .ko files", "give the directory of the modules");
  const identity = ({ file }: FoundFile) => {
    const status = statusOf(join(directory, file));
    return status && fileIdentity(status);
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

/** The files below a subdirectory of a directory. */
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

/** @throws Failure for two files with the same module name, which the kernel would not load together */
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
