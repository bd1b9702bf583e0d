// Checks the version of Node.js. This file must parse and run on old versions: no syntax or API newer than ES2020.

/**
 * Returns one line that explains why the program cannot run on a version of Node.js, or "" if it can. It needs
 * process.getBuiltinModule, which was added in 20.16 and 22.3; 20.19 is the oldest version that the tests use. scripts/build.mjs copies the
 * text of this function into the bundle.
 * @param {string} version such as "20.19.0"
 */
export function nodeFault(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const needed = major > 20 ? [22, 3] : [20, 19];
  const [neededMajor = 0, neededMinor = 0] = needed;
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return "";
  return `kas-alias: needs Node.js ${needed.join(".")} or later; this is ${version}`;
}
