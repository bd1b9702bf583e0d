import { posix } from "node:path";

/** A source path as the debug information records it, and the compilation directory of its unit. */
export interface RecordedPath {
  readonly path: string;
  readonly compilationDirectory: string | null;
}

/**
 * Makes recorded source paths relative to the root of the source tree, so that they do not reveal where a kernel was
 * built.
 *
 * Roots are, in this order: those given; the prefix of `init/main.c`, which every vmlinux has; the unit's compilation
 * directory, which is the build directory. The longest root that matches is removed; given roots take precedence.
 */
export interface SourceRoots {
  readonly given: readonly string[];
  /** The prefix of `init/main.c`: "" when that is recorded without one, null when it is unknown. */
  readonly detected: string | null;
  /** The detected roots for each compilation directory. */
  readonly ofDirectory: Map<string | null, readonly string[]>;
}

const INIT_MAIN = "init/main.c";

/** The parts that normalising changes, or may change: empty parts, `.` and `..`. */
const UNUSUAL_PART = /(^|\/)\.{0,2}(\/|$)/;

/** posix.normalize, but fast for the many paths that it does not change. */
function normalize(path: string): string {
  return UNUSUAL_PART.test(path) ? posix.normalize(path) : path;
}

/** @param initMain the recorded path of start_kernel's source file, if known */
export function sourceRoots(given: readonly string[], initMain: string | undefined): SourceRoots {
  let detected: string | null = null;
  if (initMain !== undefined) {
    const path = normalize(initMain);
    if (path === INIT_MAIN) detected = "";
    else if (path.endsWith(`/${INIT_MAIN}`)) detected = path.slice(0, -INIT_MAIN.length - 1) || "/";
  }
  return { given: given.map(withoutTrailingSlash), detected, ofDirectory: new Map() };
}

/** The path relative to the source root; a path outside all roots loses only its leading `/` and `../`. */
export function relativeSource(roots: SourceRoots, recorded: RecordedPath): string {
  const path = normalize(recorded.path);
  const inner =
    longestStripped(path, roots.given) ??
    longestStripped(path, detectedRoots(roots, recorded.compilationDirectory)) ??
    path;
  return inner.replace(/^(\.{0,2}\/)+/, "");
}

function detectedRoots(
  { detected, ofDirectory }: SourceRoots,
  compilationDirectory: string | null,
): readonly string[] {
  const known = ofDirectory.get(compilationDirectory);
  if (known !== undefined) return known;
  const roots: string[] = [];
  ofDirectory.set(compilationDirectory, roots);
  if (detected) roots.push(detected);
  if (compilationDirectory) {
    const directory = withoutTrailingSlash(compilationDirectory);
    roots.push(directory);
    // If the compiler records C sources relative to the tree (-fmacro-prefix-map and similar options), an assembler
    // without that option records them under <tree>/<build directory>: Debian's 6.1.
    if (detected && !detected.startsWith("/") && directory.endsWith(`/${detected}`)) {
      roots.push(directory.slice(0, -detected.length - 1));
    }
  }
  return roots;
}

function longestStripped(path: string, roots: readonly string[]): string | undefined {
  let stripped: string | undefined;
  for (const root of roots) {
    const prefix = root.endsWith("/") ? root : `${root}/`;
    if (path.length > prefix.length && path.startsWith(prefix)) {
      const rest = path.slice(prefix.length);
      if (stripped === undefined || rest.length < stripped.length) stripped = rest;
    }
  }
  return stripped;
}

function withoutTrailingSlash(path: string): string {
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}
