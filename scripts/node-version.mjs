// Which versions of Node.js the program runs on. Parses and runs on old ones: no syntax, and nothing of Node's, that is newer than ES2020.

/**
 * Why a version of Node.js will not do, as one line, or "" if it will. The program needs process.getBuiltinModule, which came with
 * 20.16 and 22.3; 20.19 is the oldest version that the tests run on. scripts/build.mjs puts the text of this function into the bundle.
 * @param {string} version such as "20.19.0"
 */
export function nodeFault(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const needed = major > 20 ? [22, 3] : [20, 19];
  const [neededMajor = 0, neededMinor = 0] = needed;
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return "";
  return `kas-alias: needs Node.js ${needed.join(".")} or later; this is ${version}`;
}
