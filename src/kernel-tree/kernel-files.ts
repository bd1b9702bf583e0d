/** The files below scripts/kernel by path, as JSON, which scripts/build.mjs puts into the bundle. */
declare const KERNEL_FILES: string;

const files = (): Record<string, string> => JSON.parse(KERNEL_FILES);

/** A file of scripts/kernel. */
export function kernelFile(path: string): string {
  const text = files()[path];
  if (text === undefined) throw new RangeError(`no ${path}`);
  return text;
}

/** The files that a kernel tree with the hook has and others lack, by path; the program itself is another one. */
export function treeFiles(): ReadonlyMap<string, string> {
  return new Map(Object.entries(files()).filter(([path]) => path.startsWith("scripts/")));
}
