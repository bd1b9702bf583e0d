// Gets newer versions of the tracing tools from Debian's unstable packages, unpacked beside the system's, for a guest.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { CACHE, closure, ensurePackages, listsOf, unpackAll } from "./apt.mjs";
import { Fault, run, say, temporaryDirectory } from "./setup.mjs";

const PACKAGES = ["bpftrace", "linux-perf", "trace-cmd", "libbpf-dev"];
const PROGRAMS = ["bpftrace", "perf", "trace-cmd"];
const LOADER = "lib64/ld-linux-x86-64.so.2";
const LIBRARIES = "usr/lib/x86_64-linux-gnu";

/**
 * Fetches the tools that the cache lacks.
 * @returns {Promise<string>} path of a directory with `root`, a root file system with the programs and their libraries (libbpf too),
 *   and `include`, libbpf's headers
 */
export async function fetchNewerTools() {
  await ensurePackages({ "apt-get": "apt", "dpkg-deb": "dpkg" });
  const lists = await listsOf("sid", "amd64");
  const packages = await closure(PACKAGES, lists);
  const home = join(CACHE, "boot", "newer-tools");
  const stamp = join(home, "packages");
  const content = [...packages, ...PROGRAMS].join("\n");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === content) return home;

  say(`Downloading and unpacking ${PACKAGES.join(", ")} of sid, and what they need …`);
  const whole = temporaryDirectory(CACHE);
  const unpacked = join(whole, "unpacked");
  await unpackAll(packages, lists, unpacked);
  const made = join(whole, "made");
  await keepPrograms(join(unpacked), join(made, "root"));
  cpSync(join(unpacked, "usr/include/bpf"), join(made, "include/bpf"), { recursive: true });
  writeFileSync(join(made, "packages"), content);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(join(CACHE, "boot"), { recursive: true });
  renameSync(made, home);
  return home;
}

/**
 * Copies the programs and the libraries that they load.
 * @param {string} from the unpacked packages
 * @param {string} to the new root
 */
async function keepPrograms(from, to) {
  const loader = [join(from, LOADER), join(from, "usr", LOADER)].find((path) => existsSync(path));
  if (loader === undefined) throw new Fault(`${from} has no ${LOADER}`);
  const programs = PROGRAMS.map((name) => join(from, "usr/bin", name));
  const libraries = new Set();
  for (const program of programs) {
    const args = ["--library-path", join(from, LIBRARIES), "--list", program];
    const { status, stdout } = await run(loader, args, { stdio: ["ignore", "pipe", "inherit"] });
    if (status !== 0) throw new Fault(`${program} does not load`);
    for (const [, path] of stdout.matchAll(/ => (\/\S+) \(/g)) libraries.add(path);
  }
  for (const path of libraries) {
    if (path.startsWith(from)) copy(path, join(to, LIBRARIES, basename(path)));
  }
  copy(loader, join(to, LOADER));
  for (const program of programs) copy(program, join(to, "usr/bin", basename(program)));
}

/**
 * @param {string} from a file or a link to it
 * @param {string} to
 */
function copy(from, to) {
  cpSync(realpathSync(from), to);
}
